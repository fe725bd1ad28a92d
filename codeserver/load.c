/* SPDX-License-Identifier: MIT
 *
 * A load in six steps; up to the fifth nothing that the program can see has
 * changed, and each step knows how to be undone:
 *
 * 1. check    every file is whole, every module known, every variable fits
 * 2. names    functions and variables that are new get a place
 * 3. open     dlopen, at the place each was linked for
 * 4. bind     stubs, storage; constants that are the same as before keep
 *             their address, because programs compare such addresses
 * 5. publish  one store
 * 6. keep     the books: versions, names
 *
 * What is shared between versions and what is not:
 * - a variable that can be written: always the first one's storage. Its size
 *   and type must be what they were, or the load is refused (unsafe);
 * - a constant: the old one's if the bytes are equal once bound, else its own;
 * - a variable that holds addresses of labels: always its own, because labels
 *   belong to one version's code;
 * - a variable that is new: storage in the code server's part of the arena,
 *   so that no image has to stay for the sake of its data.
 */
#include "codeserver/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codeserver/arena.h"
#include "codeserver/bind.h"
#include "codeserver/image.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"

/* A name that the set brings. */
struct fresh {
	const char *id; /* in the checked file's map: for the set's time only */
	uint32_t index; /* functions: its table entry */
	void *addr;     /* variables: its storage */
	const struct hw_var *var;
};

/* One module of the set on its way. */
struct part {
	struct load_item *item;
	struct hw_checked checked;
	struct hw_image image;
	struct hw_version *version;
	void **canonical; /* by variable: its storage, NULL: the image's own */
	bool opened;
};

struct set {
	struct part *parts;
	size_t n;
	struct fresh *funcs, *vars;
	size_t nfuncs, nvars;
	struct hw_failure *f;
};

static unsigned now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned)(t.tv_sec * 1000000ull + t.tv_nsec / 1000);
}

static int no_memory(struct set *s)
{
	return failure_set(s->f, "badfile", NULL, NULL,
			   "the program is out of memory; nothing was loaded");
}

/* --- 1. check ------------------------------------------------------------- */

static int var_fits(struct set *s, const struct part *p, const struct hw_var *v,
		    const struct hw_variable *was)
{
	const char *id = desc_str(p->checked.desc, v->name);
	const char *colon = strrchr(id, ':'), *name = colon ? colon + 1 : id;
	uint64_t from = was->size, to = v->size;

	if ((v->flags | was->flags) & HW_VAR_CONST)
		return 0; /* a constant is taken or left, never written */
	if (v->flags & HW_VAR_TLS) {
		name += strlen("__emutls_v.");
		from = was->tls_size;
		to = v->tls_size;
	}
	if (from != to)
		return failure_set(s->f, "unsafe", p->item->module, name,
				   "variable %s: its size changed from %llu to "
				   "%llu bytes, and its live value would be "
				   "lost; change it back, or restart",
				   name, (unsigned long long)from,
				   (unsigned long long)to);
	if (was->type && v->type && was->type != v->type)
		return failure_set(s->f, "unsafe", p->item->module, name,
				   "variable %s: its type changed, or that of "
				   "something it points to; its live value "
				   "would be misread; change it back, or "
				   "restart",
				   name);
	if (v->align && (uintptr_t)was->addr % v->align)
		return failure_set(s->f, "unsafe", p->item->module, name,
				   "variable %s: it asks for an alignment of "
				   "%u bytes now, and lives where it has less; "
				   "restart",
				   name, v->align);
	return 0;
}

static int part_check(struct set *s, struct part *p)
{
	const struct hw_module *d;

	p->item->mod = mod_find(p->item->module);
	if (!p->item->mod)
		return failure_set(s->f, "unknown_module", p->item->module,
				   NULL, "%s: no module of that name here",
				   p->item->module);
	if (image_check(&p->checked, p->item->file, p->item->module, s->f) < 0)
		return -1;
	d = p->checked.desc;
	p->item->unchanged =
	    !memcmp(d->hash, p->item->mod->current->image.desc->hash,
		    HW_HASH_SIZE);
	if (p->item->unchanged)
		return 0;
	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];
		struct hw_variable *was = registry_var(desc_str(d, v->name));

		if (was && !((v->flags | was->flags) & HW_VAR_LABELS) &&
		    var_fits(s, p, v, was) < 0)
			return -1;
	}
	return 0;
}

static int set_check(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(s->parts[i].item->module,
				    s->parts[k].item->module))
				return failure_set(s->f, "duplicated",
						   s->parts[i].item->module,
						   NULL,
						   "%s: named twice in one set",
						   s->parts[i].item->module);
	for (size_t i = 0; i < s->n; i++)
		if (part_check(s, &s->parts[i]) < 0)
			return -1;
	return 0;
}

/* --- 2. names ------------------------------------------------------------- */

static struct fresh *fresh_find(struct fresh *v, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].id, id))
			return &v[i];
	return NULL;
}

static int fresh_add(struct set *s, struct fresh **v, size_t *n,
		     struct fresh one)
{
	struct fresh *p = realloc(*v, (*n + 1) * sizeof(**v));

	if (!p)
		return no_memory(s);
	*v = p;
	p[(*n)++] = one;
	return 0;
}

static int part_funcs(struct set *s, const struct part *p)
{
	const struct hw_module *d = p->checked.desc;

	for (uint32_t i = 0; i < d->nfuncs; i++) {
		const char *id = desc_str(d, desc_funcs(d)[i].name);
		struct fresh one = {.id = id,
				    .index =
					hw_guest.nfuncs + (uint32_t)s->nfuncs};

		if (registry_func(id) < 0 &&
		    !fresh_find(s->funcs, s->nfuncs, id) &&
		    fresh_add(s, &s->funcs, &s->nfuncs, one) < 0)
			return -1;
	}
	return 0;
}

/* The image's own copy serves: a constant, a table of labels. */
static bool var_private(const struct hw_var *v, const struct hw_variable *was)
{
	uint32_t flags = v->flags | (was ? was->flags : 0);

	return (flags & HW_VAR_LABELS) || (v->flags & HW_VAR_CONST);
}

static int part_vars(struct set *s, struct part *p)
{
	const struct hw_module *d = p->checked.desc;

	p->canonical = calloc(d->nvars + 1, sizeof(*p->canonical));
	if (!p->canonical)
		return no_memory(s);
	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];
		const char *id = desc_str(d, v->name);
		struct hw_variable *was = registry_var(id);
		struct fresh *known = fresh_find(s->vars, s->nvars, id);
		struct fresh one = {.id = id, .var = v};

		if (var_private(v, was))
			continue;
		if (was && !(was->flags & HW_VAR_CONST)) {
			p->canonical[i] = was->addr;
		} else if (known) {
			p->canonical[i] = known->addr;
		} else {
			one.addr = arena_data(v->size, v->align);
			if (!one.addr ||
			    fresh_add(s, &s->vars, &s->nvars, one) < 0)
				return no_memory(s);
			p->canonical[i] = one.addr;
		}
	}
	return 0;
}

static int set_names(struct set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->parts[i].item->unchanged)
			continue;
		if (part_funcs(s, &s->parts[i]) < 0 ||
		    part_vars(s, &s->parts[i]) < 0)
			return -1;
	}
	if (s->nfuncs && !arena_stubs(hw_guest.nfuncs, (uint32_t)s->nfuncs))
		return no_memory(s);
	return 0;
}

static int64_t func_name(const char *id, void *arg)
{
	struct set *s = arg;
	int64_t index = registry_func(id);
	struct fresh *f;

	if (index >= 0)
		return index;
	f = fresh_find(s->funcs, s->nfuncs, id);
	return f ? (int64_t)f->index : -1;
}

static void *var_name(const char *id, void *arg)
{
	struct set *s = arg;
	struct fresh *f = fresh_find(s->vars, s->nvars, id);
	struct hw_variable *was = f ? NULL : registry_var(id);

	return f ? f->addr : was ? was->addr : NULL;
}

/* --- 3. open, 4. bind ----------------------------------------------------- */

/* Constants: with everything else bound, equal bytes mean equal meaning. */
static void part_constants(struct part *p)
{
	const struct hw_module *d = p->image.desc;

	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];
		struct hw_variable *was = registry_var(desc_str(d, v->name));

		if (!was || !var_private(v, was) || !v->addr ||
		    ((v->flags | was->flags) & HW_VAR_LABELS) ||
		    !(was->flags & HW_VAR_CONST) || was->size != v->size ||
		    (v->align && (uintptr_t)was->addr % v->align))
			continue;
		if (raw_equal(desc_at(&v->addr), was->addr, v->size))
			p->canonical[i] = was->addr;
	}
}

/* Only the constants that stay where they were are turned now. */
static int part_refs(struct set *s, struct part *p)
{
	const struct hw_module *d = p->image.desc;
	void **only = calloc(d->nvars + 1, sizeof(*only));
	int r;

	if (!only)
		return no_memory(s);
	for (uint32_t i = 0; i < d->nvars; i++)
		if (desc_vars(d)[i].flags & HW_VAR_CONST)
			only[i] = p->canonical[i];
	r = bind_refs(&p->image, only, HW_REF_ABS64);
	free(only);
	if (r == 0)
		r = bind_refs(&p->image, p->canonical, HW_REF_PC32);
	return r < 0 ? failure_set(s->f, "misplaced", p->item->module, NULL,
				   "%s: too far from the variables it uses",
				   p->item->file)
		     : 0;
}

/* A global constant that is not the old one any more: its own module names it
 * by the GOT too. Label tables likewise. */
static void part_own_globals(struct part *p)
{
	const struct hw_module *d = p->image.desc;

	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];

		if ((v->flags & HW_VAR_GLOBAL) && !p->canonical[i] && v->addr)
			bind_global(&p->image, desc_str(d, v->name),
				    desc_at(&v->addr));
	}
}

static int part_bind(struct set *s, struct part *p)
{
	const struct hw_names names = {func_name, var_name, s};

	if (bind_plt(&p->image, &names) < 0)
		return failure_set(s->f, "misplaced", p->item->module, NULL,
				   "%s: its code cannot be changed here "
				   "(mprotect refused, or too far away)",
				   p->item->file);
	if (bind_relocations(&p->image, &names, s->f) < 0 ||
	    bind_refs(&p->image, p->canonical, HW_REF_ABS64) < 0)
		return -1;
	part_constants(p);
	if (part_refs(s, p) < 0)
		return -1;
	part_own_globals(p);
	return 0;
}

static int set_open(struct set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		if (p->item->unchanged)
			continue;
		if (image_open(&p->image, &p->checked, s->f) < 0)
			return -1;
		p->opened = true;
		p->version = calloc(1, sizeof(*p->version));
		if (!p->version)
			return no_memory(s);
	}
	return 0;
}

static int set_bind(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].opened && part_bind(s, &s->parts[i]) < 0)
			return -1;
	return 0;
}

/* New variables start with what the new object says, bound. */
static void set_fill(struct set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		const struct hw_module *d = p->image.desc;

		for (uint32_t k = 0; p->opened && k < d->nvars; k++) {
			const struct hw_var *v = &desc_vars(d)[k];
			struct fresh *f =
			    fresh_find(s->vars, s->nvars, desc_str(d, v->name));

			if (f && v->addr && p->canonical[k] == f->addr)
				raw_copy(f->addr, desc_at(&v->addr), v->size);
		}
	}
}

/* --- 5. publish, 6. keep -------------------------------------------------- */

static int set_publish(struct set *s)
{
	struct table_change *changes;
	size_t n = 0, k = 0;
	int r;

	for (size_t i = 0; i < s->n; i++)
		n += s->parts[i].opened ? s->parts[i].image.desc->nfuncs : 0;
	changes = calloc(n + 1, sizeof(*changes));
	if (!changes)
		return no_memory(s);
	for (size_t i = 0; i < s->n; i++) {
		const struct hw_module *d = s->parts[i].image.desc;

		for (uint32_t j = 0; s->parts[i].opened && j < d->nfuncs; j++) {
			const struct hw_func *f = &desc_funcs(d)[j];

			changes[k].index =
			    (uint32_t)func_name(desc_str(d, f->name), s);
			changes[k++].entry = desc_at(&f->entry);
		}
	}
	r = table_publish(changes, n, hw_guest.nfuncs + (uint32_t)s->nfuncs);
	/* No trace of code addresses in the heap: see purge.c. */
	explicit_bzero(changes, (n + 1) * sizeof(*changes));
	free(changes);
	return r < 0 ? no_memory(s) : 0;
}

static int list_add(const char ***list, size_t *n, const char *id)
{
	const char **p = realloc(*list, (*n + 1) * sizeof(*p));

	if (!p)
		return -1;
	*list = p;
	p[*n] = strdup(id);
	if (!p[*n])
		return -1;
	(*n)++;
	return 0;
}

static bool desc_has_func(const struct hw_module *d, const char *id)
{
	for (uint32_t i = 0; i < d->nfuncs; i++)
		if (!strcmp(desc_str(d, desc_funcs(d)[i].name), id))
			return true;
	return false;
}

static bool desc_has_var(const struct hw_module *d, const char *id)
{
	for (uint32_t i = 0; i < d->nvars; i++)
		if (!strcmp(desc_str(d, desc_vars(d)[i].name), id))
			return true;
	return false;
}

/* What the user must hear of: names that are gone. Told, not decisive: when
 * memory is out the list is short. */
static void part_differences(struct set *s, struct part *p)
{
	const struct hw_module *was = p->item->mod->current->image.desc;
	const struct hw_module *is = p->image.desc;

	for (uint32_t i = 0; i < was->nfuncs; i++) {
		const char *id = desc_str(was, desc_funcs(was)[i].name);

		if (!desc_has_func(is, id))
			list_add(&p->item->removed, &p->item->nremoved, id);
	}
	for (uint32_t i = 0; i < was->nvars; i++) {
		const char *id = desc_str(was, desc_vars(was)[i].name);

		if (!(desc_vars(was)[i].flags & HW_VAR_CONST) &&
		    !desc_has_var(is, id))
			list_add(&p->item->lost, &p->item->nlost, id);
	}
	for (size_t i = 0; i < s->nvars; i++)
		if (desc_has_var(is, s->vars[i].id))
			list_add(&p->item->added, &p->item->nadded,
				 s->vars[i].id);
}

/* Room for what keeping the books needs, before the publish: after it nothing
 * may fail. Names must outlive the images they came with. */
static int set_remember(struct set *s)
{
	for (size_t i = 0; i < s->nfuncs; i++) {
		char *id = strdup(s->funcs[i].id);

		if (!id || registry_func_add(id, s->funcs[i].index, false) < 0)
			return no_memory(s);
	}
	for (size_t i = 0; i < s->nvars; i++) {
		struct hw_variable v = {.id = strdup(s->vars[i].id),
					.addr = s->vars[i].addr,
					.size = s->vars[i].var->size,
					.type = s->vars[i].var->type,
					.tls_size = s->vars[i].var->tls_size,
					.flags = s->vars[i].var->flags};

		if (!v.id || registry_var_add(&v) < 0)
			return no_memory(s);
	}
	return 0;
}

/* A constant that moved: the books, and whoever else names it. */
static void constant_moved(const struct part *p, const struct hw_var *v)
{
	const struct hw_module *d = p->image.desc;
	const char *id = desc_str(d, v->name);
	struct hw_variable *was = registry_var(id);
	struct hw_variable now = {.id = was ? was->id : strdup(id),
				  .addr = desc_at(&v->addr),
				  .size = v->size,
				  .type = v->type,
				  .flags = v->flags};

	if (!now.id || registry_var_add(&now) < 0 ||
	    !(v->flags & HW_VAR_GLOBAL))
		return;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		bind_global(&hw_guest.mods[i].current->image, id, now.addr);
}

static void part_keep(struct part *p)
{
	struct hw_mod *m = p->item->mod;

	p->version->number = m->next++;
	p->version->image = p->image;
	m->current->older = m->old;
	m->old = m->current;
	m->current = p->version;
}

/* After all of the set are current: they may name each other's. */
static void part_keep_constants(struct part *p)
{
	const struct hw_module *d = p->image.desc;

	for (uint32_t i = 0; i < d->nvars; i++)
		if (!p->canonical[i] && desc_vars(d)[i].addr)
			constant_moved(p, &desc_vars(d)[i]);
}

static void set_free(struct set *s, bool published)
{
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		if (p->opened && !published) {
			image_close(&p->image);
			free(p->version);
		}
		if (p->canonical)
			explicit_bzero(p->canonical,
				       p->checked.desc->nvars * sizeof(void *));
		free(p->canonical);
		image_unmap(&p->checked);
	}
	/* Addresses left in the heap would look like holders: purge.c. */
	explicit_bzero(s->parts, s->n * sizeof(*s->parts));
	free(s->parts);
	free(s->funcs);
	free(s->vars);
}

static int set_load(struct set *s, struct load_times *t)
{
	unsigned start = now_us(), last = start, now;

	if (registry_vars_start() < 0)
		return no_memory(s);
	if (set_check(s) < 0 || set_names(s) < 0)
		return -1;
	now = now_us();
	t->check = now - last;
	last = now;
	if (set_open(s) < 0)
		return -1;
	now = now_us();
	t->open = now - last;
	last = now;
	if (set_bind(s) < 0)
		return -1;
	set_fill(s);
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].opened)
			part_differences(s, &s->parts[i]);
	now = now_us();
	t->bind = now - last;
	last = now;
	if (set_remember(s) < 0 || set_publish(s) < 0) {
		/* Names are known that have no entry: nothing runs wrong, but
		 * the books are not to be trusted for another load. */
		hw_guest.unfit = "the program ran out of memory during a load; "
				 "restart it to reload again";
		return -1;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].opened)
			part_keep(&s->parts[i]);
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].opened)
			part_keep_constants(&s->parts[i]);
	now = now_us();
	t->publish = now - last;
	t->total = now - start;
	return 0;
}

static unsigned published;

unsigned load_count(void)
{
	return published;
}

int load_set(struct load_item *items, size_t n, struct load_times *times,
	     struct hw_failure *f)
{
	struct set s = {.n = n, .f = f};
	int r;

	if (hw_guest.unfit)
		return failure_set(f, "unsafe", NULL, NULL, "%s",
				   hw_guest.unfit);
	s.parts = calloc(n + 1, sizeof(*s.parts));
	if (!s.parts)
		return no_memory(&s);
	for (size_t i = 0; i < n; i++)
		s.parts[i].item = &items[i];
	hw_guest.loading = true;
	r = set_load(&s, times);
	hw_guest.loading = false;
	published += r == 0;
	set_free(&s, r == 0);
	return r;
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
}
