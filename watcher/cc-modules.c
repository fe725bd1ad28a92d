/* SPDX-License-Identifier: MIT
 *
 * From objects to modules: rewrite what changed, give each a place in the
 * arena, link, seal; on all cores. A module whose object has the same bytes as
 * at the last link keeps its file, without being looked at.
 *
 * Places. A module keeps the base it had, if it still fits there, so that the
 * files of unchanged modules stay good. New ones come behind the last; when
 * the first half of the arena is full (the rest is for versions that come
 * later) all are placed anew, which links all anew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/cc-program.h"
#include "watcher/object.h"
#include "watcher/place.h"

#define PLACE_UNIT (64u << 10)
#define PLACES_MAX (HW_ARENA_SIZE / 2)

struct work {
	struct program *p;
	size_t *units; /* to be worked on */
	char **errs;   /* by unit */
	size_t n;
};

/* --- rewriting ------------------------------------------------------------ */

static int unit_rewrite(struct program *p, struct unit *u, size_t i, char **err)
{
	struct elf_view v;
	char **ids;
	size_t n;
	int r;

	if (!u->o && object_open(&u->o, u->path, u->member, u->offset, err) < 0)
		return CC_ERROR;
	u->rewritten = xasprintf("%s/%zu.o", p->tmp, i);
	r = object_rewrite(u->o, u->m.name, u->m.source, false, u->rewritten,
			   &ids, &n, err);
	object_close(u->o);
	u->o = NULL;
	if (r < 0)
		return CC_ERROR;
	freev(ids); /* read from the linked file, as those of the others are */
	if (elf_view_open(&v, u->rewritten, 0, err) < 0)
		return CC_ERROR;
	u->bound = elf_bound(&v);
	elf_view_close(&v);
	return 0;
}

static int rewrite_one(size_t i, void *arg)
{
	struct work *w = arg;
	size_t u = w->units[i];

	return unit_rewrite(w->p, &w->p->units[u], u, &w->errs[u]);
}

/* --- places --------------------------------------------------------------- */

/* From an old module's base to whatever came next. */
static uint64_t old_room(const struct manifest *old,
			 const struct manifest_module *m)
{
	uint64_t end = old->next_base;

	for (size_t i = 0; i < old->nmodules; i++)
		if (old->modules[i].base > m->base &&
		    old->modules[i].base < end)
			end = old->modules[i].base;
	return end > m->base ? end - m->base : 0;
}

static const struct manifest_module *old_module(const struct program *p,
						const char *name)
{
	for (size_t i = 0; p->old && i < p->old->nmodules; i++)
		if (!strcmp(p->old->modules[i].name, name))
			return &p->old->modules[i];
	return NULL;
}

static void unit_place(const struct program *p, struct unit *u, uint64_t *next)
{
	const struct manifest_module *old = old_module(p, u->m.name);
	uint64_t room = place_room(u->bound + u->bound / 4);

	if (old && old_room(p->old, old) >= place_room(u->bound)) {
		u->m.base = old->base;
		return;
	}
	u->m.base = *next;
	*next += (room + PLACE_UNIT - 1) / PLACE_UNIT * PLACE_UNIT;
}

/* False if the arena is too full. */
static bool places_give(struct program *p)
{
	uint64_t next = HW_ARENA_BASE + p->stubs_room;

	if (p->old && p->old->next_base > next)
		next = p->old->next_base;
	for (size_t i = 0; i < p->nunits; i++)
		if (p->units[i].hot && !p->units[i].reused)
			unit_place(p, &p->units[i], &next);
	p->next_base = next;
	return next - HW_ARENA_BASE <= PLACES_MAX;
}

/* --- linking -------------------------------------------------------------- */

static int module_spawn(const struct program *p, const struct unit *u,
			const char *out, char **err)
{
	struct modlink l = {.linker = p->cc->tools.linker,
			    .object = u->rewritten,
			    .codeserver = p->cc->tools.codeserver,
			    .libs = (const char *const *)p->libs.v,
			    .nlibs = p->libs.n,
			    .base = u->m.base,
			    .out = out};
	char **argv = modlink_argv(&l);
	struct strv words = {0};
	int status;

	strv_addv(&words, (const char *const *)argv);
	if (!strcmp(l.linker, p->cc->tools.lld))
		strv_add(&words, "--threads=1"); /* one of many at a time */
	status = cc_run(words.v, NULL, err);
	strv_free(&words);
	argv_free(argv);
	if (status > 0)
		return fail(err,
			    "%s: it compiles and links, but not as a module "
			    "(see above)",
			    u->m.source);
	return status;
}

static int unit_link(struct program *p, struct unit *u, char **err)
{
	char *out = xasprintf("%s.so", u->rewritten);
	int r = module_spawn(p, u, out, err);

	if (r == 0 && modlink_seal(out, p->obj, path_base(u->m.name),
				   &u->m.file, &u->m.size, err) < 0)
		r = CC_ERROR;
	if (r == 0 && u->m.size > u->bound)
		r = fail(err,
			 "%s: module of %" PRIu64 " bytes, no more than "
			 "%" PRIu64 " were expected",
			 u->m.source, u->m.size, u->bound);
	unlink(out);
	unlink(u->rewritten);
	free(out);
	return r;
}

static int link_one(size_t i, void *arg)
{
	struct work *w = arg;
	size_t u = w->units[i];

	return unit_link(w->p, &w->p->units[u], &w->errs[u]);
}

static int funcs_one(size_t i, void *arg)
{
	struct work *w = arg;
	struct unit *u = &w->p->units[i];
	struct elf_view v;
	int r;

	if (!u->hot)
		return 0;
	if (elf_view_open(&v, u->m.file, 0, &w->errs[i]) < 0)
		return CC_ERROR;
	r = elf_module_funcs(&v, &u->funcs, &u->nfuncs);
	u->tls = elf_module_tls(&v);
	elf_view_close(&v);
	if (r < 0)
		return fail(&w->errs[i],
			    "%s: not a module's file; remove it and link "
			    "again",
			    u->m.file);
	return 0;
}

/* --- all ------------------------------------------------------------------ */

static int work_do(struct work *w, size_t n, int (*one)(size_t i, void *arg),
		   char **err)
{
	int r = cc_parallel(n, one, w);

	for (size_t i = 0; r < 0 && i < w->p->nunits; i++)
		if (w->errs[i])
			*err = w->errs[i];
	return r;
}

static bool can_reuse(const struct program *p, const struct unit *u)
{
	return u->was && !strcmp(u->was->name, u->m.name) &&
	       !strcmp(u->was->source, u->m.source) &&
	       (u->was->size < PLACE_HUGE || /* then it has all it needs */
		old_room(p->old, u->was) >= place_room(u->was->size));
}

static void work_select(struct work *w)
{
	struct program *p = w->p;

	w->n = 0;
	for (size_t i = 0; i < p->nunits; i++) {
		struct unit *u = &p->units[i];

		u->reused = u->hot && can_reuse(p, u);
		if (u->hot && !u->reused)
			w->units[w->n++] = i;
		if (!u->reused)
			continue;
		u->m.base = u->was->base;
		u->m.size = u->was->size;
		u->m.file = u->was->file;
	}
}

static void forget_last(struct program *p)
{
	for (size_t i = 0; i < p->nunits; i++)
		p->units[i].was = NULL;
	p->old = NULL; /* not freed: units share its commands */
}

static int places_find(struct work *w, char **err)
{
	struct program *p = w->p;

	for (;;) {
		bool first = !p->old;

		work_select(w);
		if (work_do(w, w->n, rewrite_one, err) < 0)
			return CC_ERROR;
		if (places_give(p))
			return 0;
		if (first)
			return fail(err,
				    "%s: the modules need more than %llu MB "
				    "of address space; link a part of them "
				    "as a shared library",
				    p->output, PLACES_MAX >> 20);
		forget_last(p);
	}
}

int cc_modules(struct program *p, char **err)
{
	struct work w = {.p = p};
	int r;

	w.units = xcalloc(p->nunits, sizeof(*w.units));
	w.errs = xcalloc(p->nunits, sizeof(*w.errs));
	/* Where the stubs end is known by the last link's modules. */
	for (size_t i = 0; p->old && i < p->old->nmodules; i++)
		if (p->old->modules[i].base < HW_ARENA_BASE + p->stubs_room) {
			forget_last(p);
			break;
		}
	r = places_find(&w, err);
	if (r == 0)
		r = work_do(&w, w.n, link_one, err);
	if (r == 0)
		r = work_do(&w, p->nunits, funcs_one, err);
	free(w.units);
	free(w.errs);
	return r;
}
