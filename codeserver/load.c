/* SPDX-License-Identifier: MIT
 *
 * A load in six steps; up to the fifth nothing that the program can see has
 * changed, and each step knows how to be undone:
 *
 * 1. check    every file is whole, every module known, every variable fits
 * 2. open     dlopen, at the place each was linked for
 * 3. names    functions and variables that are new get a place
 * 4. bind     stubs, storage; constants that are the same as before keep
 *             their address, because programs compare such addresses
 * 5. publish  one store; if variables move, through a gate (load-gate.c)
 * 6. keep     initializers are merged; the books: versions, names
 *
 * A file whose image is still here, as an old version or a fenced one, is not
 * opened again (the dynamic linker would hand out the same image): its version
 * moves to the front under a new number. That is what makes a module that was
 * deleted come back, and a rollback cheap.
 */
#include "codeserver/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codeserver/badfun.h"
#include "codeserver/codechange.h"
#include "codeserver/forks.h"
#include "codeserver/gate.h"
#include "codeserver/history.h"
#include "codeserver/load-internal.h"
#include "codeserver/merge.h"
#include "codeserver/migrate.h"
#include "codeserver/process-internal.h"
#include "codeserver/registry.h"
#include "codeserver/state-report.h"
#include "codeserver/table.h"

static unsigned now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)(t.tv_sec * 1000000ull + (uint64_t)t.tv_nsec / 1000);
}

/* The time since *LAST, which moves on. */
static unsigned lap(unsigned *last)
{
	unsigned now = now_us(), took = now - *last;

	*last = now;
	return took;
}

int load_no_memory(struct hw_failure *f)
{
	return failure_set(f, "badfile", NULL, NULL,
			   "the program is out of memory; nothing was loaded");
}

struct load_set *load_new(struct load_item *items, size_t n, bool force)
{
	struct load_set *s = calloc(1, sizeof(*s));

	if (s)
		s->parts = calloc(n + 1, sizeof(*s->parts));
	if (!s || !s->parts) {
		free(s);
		return NULL;
	}
	s->n = n;
	s->force = force;
	for (size_t i = 0; i < n; i++)
		s->parts[i].item = &items[i];
	return s;
}

void load_direction(struct load_set *s, bool down, const char *extra)
{
	s->down = down;
	s->extra = extra;
}

const struct load_times *load_times(const struct load_set *s)
{
	return &s->times;
}

/* --- open ----------------------------------------------------------------- */

static bool same_file(const struct hw_version *v, const struct part *p)
{
	return v && !strcmp(v->image.file, p->item->file);
}

/* What was judged, not another content under the same name. */
static bool same_object(const struct hw_version *v, const struct part *p)
{
	return same_file(v, p) &&
	       !memcmp(v->image.desc->hash, p->checked.desc->hash,
		       HW_HASH_SIZE) &&
	       v->image.desc->checksum == p->checked.desc->checksum;
}

/* A version that is still here, of this very object; it must stay. With force
 * the current one too: it is published anew. */
static struct hw_version *version_here(const struct load_set *s,
				       const struct part *p)
{
	struct hw_mod *m = p->item->mod;
	struct hw_version *v = m->current;

	if (s->force && same_object(v, p))
		return v;
	for (v = m->old; v; v = v->older)
		if (same_object(v, p))
			return v;
	for (v = m->fenced; v && !same_object(v, p); v = v->older)
		;
	return v;
}

/* Whether the file's name is that of an image which is here: the dynamic
 * linker would hand that out, whatever the file holds by now. */
static bool name_taken(const struct part *p)
{
	const struct hw_mod *m = p->item->mod;
	bool taken = same_file(m->current, p);

	for (struct hw_version *v = m->old; v; v = v->older)
		taken |= same_file(v, p);
	for (struct hw_version *v = m->fenced; v; v = v->older)
		taken |= same_file(v, p);
	return taken;
}

/* What was fenced is so again, should its on_load have run. */
static void again_drop(struct part *p)
{
	struct hw_version *v = p->item->mod->fenced;

	while (v && v != p->version)
		v = v->older;
	if (v)
		image_fence(&v->image);
	p->version->pinned = false;
}

/* Gives back what was opened, but for what was here before. */
static void part_drop(struct part *p)
{
	if (p->version && p->again)
		again_drop(p);
	else if (p->version)
		version_free(p->version);
	p->version = NULL;
	p->again = false;
}

static int part_open(struct load_set *s, struct part *p)
{
	if (p->item->unchanged || p->version)
		return 0;
	p->version = version_here(s, p);
	if (p->version) {
		p->again = p->version->pinned = true;
		image_forget(&p->checked);
		return 0;
	}
	p->version = calloc(1, sizeof(*p->version));
	if (!p->version)
		return load_no_memory(s->f);
	if (image_open(&p->version->image, &p->checked,
		       p->item->data || name_taken(p), s->f) == 0)
		return 0;
	free(p->version);
	p->version = NULL;
	return -1;
}

int load_prepare(struct load_set *s, struct hw_failure *f)
{
	unsigned last = now_us();
	int r;

	s->f = f;
	s->ahead = true;
	if (hw_guest.unfit)
		return failure_set(f, "unsafe", NULL, NULL, "%s",
				   hw_guest.unfit);
	forks_hold();
	r = registry_vars_start() < 0 ? load_no_memory(f) : load_check(s);
	s->times.check = lap(&last);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = part_open(s, &s->parts[i]);
	s->times.open = lap(&last);
	forks_let();
	return r;
}

int load_bind(struct load_set *s, struct hw_failure *f)
{
	unsigned last = now_us();
	int r;

	s->f = f;
	s->ahead = false;
	forks_hold();
	r = load_check(s); /* another set may have come between */
	for (size_t i = 0; r == 0 && i < s->n; i++)
		if (s->parts[i].item->unchanged)
			part_drop(&s->parts[i]);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = part_open(s, &s->parts[i]);
	if (r == 0)
		r = load_names(s);
	if (r == 0)
		r = load_bind_images(s);
	if (r == 0 && merge_prepare(s) < 0)
		r = load_no_memory(s->f);
	if (r == 0)
		r = migration_prepare(s);
	if (r == 0)
		r = load_again_vars(s);
	s->times.bind = lap(&last);
	forks_let();
	return r;
}

/* --- on_load -------------------------------------------------------------- */

void *load_hook(const struct hw_image *i, const char *name)
{
	const struct hw_module *d = i->desc;
	const struct hw_var *v = desc_vars(d);
	uintptr_t at = 0;

	for (uint32_t k = 0; k < d->nvars; k++) {
		const char *colon = strrchr(desc_str(d, v[k].name), ':');

		if (colon && !strcmp(colon + 1, name) && v[k].addr)
			at = (uintptr_t)desc_at(&v[k].addr);
	}
	for (size_t k = 0; at && k < i->nrela; k++) {
		const char *id = image_symbol(i, &i->rela[k]);

		if (i->addr + i->rela[k].r_offset != at || !id)
			continue;
		for (uint32_t n = 0; n < d->nfuncs; n++)
			if (!strcmp(desc_str(d, desc_funcs(d)[n].name), id))
				return desc_at(&desc_funcs(d)[n].entry);
	}
	return NULL;
}

int (*load_on_load(const struct load_set *s, const char **module))(void)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		void *fn = p->version
			       ? load_hook(&p->version->image, "hw.on_load")
			       : NULL;

		*module = p->item->mod->name;
		if (fn && (!p->again || image_unfence(&p->version->image) >= 0))
			return (int (*)(void))fn;
	}
	return NULL;
}

/* --- publish, keep -------------------------------------------------------- */

/* A weak function that another module's current version provides stays there:
 * the same inline function is in many modules, and one serves all. */
static bool entry_elsewhere(const struct hw_mod *m, const struct hw_func *f,
			    uint32_t index)
{
	uintptr_t entry = (uintptr_t)gate_entry(index);

	if (!(f->flags & HW_FUNC_WEAK))
		return false;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		if (&hw_guest.mods[i] != m && hw_guest.mods[i].current &&
		    image_has(&hw_guest.mods[i].current->image, entry))
			return true;
	return false;
}

static size_t part_changes(const struct part *p, struct table_change *changes)
{
	const struct hw_module *d = p->version->image.desc;
	size_t n = 0;

	for (uint32_t j = 0; j < d->nfuncs; j++) {
		const struct hw_func *f = &desc_funcs(d)[j];
		int64_t index = registry_func(desc_str(d, f->name));

		if (index < 0 ||
		    entry_elsewhere(p->item->mod, f, (uint32_t)index))
			continue;
		changes[n].index = (uint32_t)index;
		changes[n++].entry = desc_at(&f->entry);
	}
	return n;
}

static int set_publish(struct load_set *s)
{
	struct table_change *changes;
	size_t max = 0, n = 0;
	int r;

	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version)
			max += s->parts[i].version->image.desc->nfuncs;
	max += s->gate ? s->gate->nentries : 0;
	changes = calloc(max + 1, sizeof(*changes));
	if (!changes)
		return load_no_memory(s->f);
	n = s->gate ? gate_changes(s->gate, changes) : 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version)
			n += part_changes(&s->parts[i], changes + n);
	r = table_publish(changes, n, hw_guest.nfuncs);
	/* No trace of code addresses in the heap: see purge.c. */
	explicit_bzero(changes, (max + 1) * sizeof(*changes));
	free(changes);
	return r < 0 ? load_no_memory(s->f) : 0;
}

static void list_take(struct hw_version **list, const struct hw_version *v)
{
	while (*list && *list != v)
		list = &(*list)->older;
	if (*list)
		*list = v->older;
}

static void part_keep(struct part *p)
{
	struct hw_mod *m = p->item->mod;
	struct hw_version *v = p->version;

	if (p->again) {
		list_take(&m->old, v);
		list_take(&m->fenced, v);
		badfun_forget(v);
		v->pinned = v->deleted = false;
		v->kept = NULL;
	}
	if (m->current && m->current != v) {
		m->current->older = m->old;
		m->old = m->current;
	}
	v->number = m->next++;
	v->older = NULL;
	m->current = v;
	for (v = m->old; v; v = v->older)
		version_removed_find(v);
	process_guard(m->current->image.desc);
	history_add(m);
}

static unsigned published;

unsigned load_count(void)
{
	return published;
}

static int parts_unfence(struct load_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].again &&
		    image_unfence(&s->parts[i].version->image) < 0)
			return failure_set(s->f, "misplaced",
					   s->parts[i].item->mod->name, NULL,
					   "%s: its code cannot be made "
					   "executable again: mprotect: %s",
					   s->parts[i].item->file,
					   strerror(errno));
	return 0;
}

int load_migrate(struct load_set *s, struct hw_failure *f)
{
	unsigned last = now_us();
	int r;

	s->f = f;
	r = migration_fill(s);
	s->times.publish = lap(&last);
	return r;
}

/* Initializers that point to what moves are turned while the gate is closed. */
static int set_switch(struct load_set *s)
{
	int r = merge_early(s) < 0 ? load_no_memory(s->f) : set_publish(s);

	if (r < 0)
		merge_early_undo(s);
	return r;
}

static void set_keep(struct load_set *s)
{
	migration_commit(s);
	code_change_commit(s);
	merge_run(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version)
			part_keep(&s->parts[i]);
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version)
			load_keep_constants(&s->parts[i]);
	load_keep_vars(s);
	migration_report(s);
}

int load_publish(struct load_set *s, struct hw_failure *f)
{
	unsigned last = now_us();
	int r;

	s->f = f;
	if (parts_unfence(s) < 0)
		return -1;
	forks_hold();
	/* Room for what the books need comes before the publish: after it
	 * nothing may fail. */
	r = load_keep_prepare(s);
	if (r == 0) {
		r = set_switch(s);
		if (r < 0)
			hw_guest.unfit = "the program ran out of memory during "
					 "a load; restart it to reload again";
	}
	if (r == 0)
		set_keep(s);
	s->published = r == 0;
	published += r == 0;
	forks_let();
	s->times.publish += lap(&last);
	s->times.total =
	    s->times.check + s->times.open + s->times.bind + s->times.publish;
	return r;
}

/* --- the end -------------------------------------------------------------- */

void version_removed_find(struct hw_version *v)
{
	size_t n = 0;

	free(v->removed);
	v->removed = NULL;
	v->nremoved = 0;
	for (uint32_t i = 0; i < hw_guest.nfuncs; i++)
		n += image_has(&v->image, (uintptr_t)table_entry(i));
	if (!n)
		return;
	v->removed = calloc(n, sizeof(*v->removed));
	for (uint32_t i = 0; v->removed && i < hw_guest.nfuncs; i++)
		if (image_has(&v->image, (uintptr_t)table_entry(i)))
			v->removed[v->nremoved++] = i;
}

void version_free(struct hw_version *v)
{
	for (size_t i = 0; i < v->nuses; i++)
		v->uses[i]->users--;
	if (v->uses)
		explicit_bzero(v->uses, v->nuses * sizeof(struct hw_version *));
	free(v->uses);
	free(v->removed);
	free(v->not_storage);
	types_forget(v);
	image_close(&v->image);
	free(v);
}

static void part_free(struct part *p, bool published)
{
	if (!published)
		part_drop(p);
	judge_forget(p);
	if (p->canonical)
		explicit_bzero(p->canonical, p->nvars * sizeof(void *));
	free(p->canonical);
	image_unmap(&p->checked);
}

void load_free(struct load_set *s)
{
	if (!s)
		return;
	load_names_forget(s);
	migration_free(s);
	merge_free(s);
	load_gate_free(s);
	code_change_free(s);
	free(s->gone);
	for (size_t i = 0; i < s->n; i++)
		part_free(&s->parts[i], s->published);
	for (size_t i = 0; i < s->nvars; i++)
		free(s->vars[i].id);
	/* Addresses left in the heap would look like holders: purge.c. */
	explicit_bzero(s->parts, s->n * sizeof(*s->parts));
	if (s->vars)
		explicit_bzero(s->vars, s->nvars * sizeof(*s->vars));
	free(s->parts);
	free(s->vars);
	free(s);
}

static void list_free(const char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)list[i]);
	free(list);
}

void load_item_free(struct load_item *item)
{
	list_free(item->added, item->nadded);
	list_free(item->lost, item->nlost);
	list_free(item->removed, item->nremoved);
	report_clear(item);
}
