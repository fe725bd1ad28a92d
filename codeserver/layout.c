/* SPDX-License-Identifier: MIT
 *
 * A section of types, opened: see layout.h. One pass checks all that could
 * lead a reader astray (every index in its table, every string ended, nothing
 * inside itself, sizes that fit), so nobody needs to check anything later. It
 * takes about 1 ns a byte; an index made of the section instead would have to
 * be freed, for names that are looked up once.
 */
#include "codeserver/layout.h"

#include <stdlib.h>
#include <string.h>

/* --- checks --------------------------------------------------------------- */

/* N records of SIZE bytes at AT are inside the section. */
static bool table_fits(const struct layout_header *h, uint32_t at, uint32_t n,
		       size_t size)
{
	return at % 8 == 0 && at <= h->size && n <= (h->size - at) / size;
}

static bool tables_fit(const struct layout_header *h)
{
	const char *strings = (const char *)h + h->strings;

	return table_fits(h, h->types, h->ntypes, sizeof(struct layout_type)) &&
	       table_fits(h, h->parts, h->nparts, sizeof(struct layout_part)) &&
	       table_fits(h, h->vars, h->nvars, sizeof(struct layout_var)) &&
	       table_fits(h, h->funcs, h->nfuncs, sizeof(struct layout_func)) &&
	       table_fits(h, h->uses, h->nuses, sizeof(uint32_t)) &&
	       table_fits(h, h->locals, h->nlocals,
			  sizeof(struct layout_local)) &&
	       table_fits(h, h->strings, h->nstrings, 1) && h->ntypes >= 2 &&
	       h->nstrings && !strings[0] && !strings[h->nstrings - 1];
}

static bool has_parts(const struct layout_type *t)
{
	return t->kind == LAYOUT_STRUCT || t->kind == LAYOUT_UNION ||
	       t->kind == LAYOUT_ENUM || t->kind == LAYOUT_FUNCTION;
}

/* PART, which is in T by value at OFFSET, ends within T. */
static bool part_inside(const struct layout_type *t,
			const struct layout_type *part, uint64_t offset)
{
	return part->depth < t->depth && offset <= t->size &&
	       part->size <= t->size - offset;
}

static bool member_sound(const struct layout *l, const struct layout_type *t,
			 const struct layout_part *m)
{
	uint64_t bit = LAYOUT_BIT(m->at);
	uint32_t width = LAYOUT_WIDTH(m->at);
	const struct layout_type *type = &l->types[m->type];

	if (!width)
		return bit % 8 == 0 && part_inside(t, type, bit / 8);
	return width <= 128 && width <= type->size * 8 &&
	       (type->kind == LAYOUT_INT || type->kind == LAYOUT_ENUM) &&
	       type->depth < t->depth && bit / 8 <= t->size &&
	       bit + width <= t->size * 8;
}

static bool parts_sound(const struct layout *l, const struct layout_type *t)
{
	const struct layout_part *m = l->parts + t->first;
	bool members = t->kind == LAYOUT_STRUCT || t->kind == LAYOUT_UNION;

	if (t->first > l->nparts || t->count > l->nparts - t->first)
		return false;
	for (uint64_t i = 0; i < t->count; i++) {
		if (m[i].name >= l->nstrings || m[i].type >= l->ntypes ||
		    l->types[m[i].type].kind == LAYOUT_FUNCTION)
			return false;
		if (members && !member_sound(l, t, &m[i]))
			return false;
	}
	return true;
}

static bool scalar_sound(const struct layout_type *t)
{
	bool pointer = t->kind == LAYOUT_POINTER;

	if (t->kind == LAYOUT_INT || (t->kind == LAYOUT_ENUM && t->size))
		return t->size == 1 || t->size == 2 || t->size == 4 ||
		       t->size == 8 || t->size == 16;
	if (t->kind == LAYOUT_FLOAT)
		return t->size == 4 || t->size == 8 || t->size == 16;
	return !pointer || t->size == sizeof(void *);
}

static bool type_sound(const struct layout *l, const struct layout_type *t)
{
	const struct layout_type *to = &l->types[t->to];

	if (t->name >= l->nstrings || t->kind >= LAYOUT_KINDS ||
	    t->to >= l->ntypes || t->depth > LAYOUT_DEPTH ||
	    t->size > UINT64_MAX / 16 || t->align > 62 || !scalar_sound(t))
		return false;
	/* Only a pointer leads to one, or functions could go on for ever. */
	if (to->kind == LAYOUT_FUNCTION && t->kind != LAYOUT_POINTER)
		return false;
	if (t->kind == LAYOUT_ARRAY)
		return to->depth < t->depth &&
		       (!to->size ? t->size == 0
				  : t->count <= t->size / to->size);
	return !has_parts(t) || parts_sound(l, t);
}

static bool func_sound(const struct layout *l, const struct layout_func *f)
{
	return f->id < l->nstrings && f->type < l->ntypes &&
	       f->file < l->nstrings && f->uses <= l->nuses &&
	       f->nuses <= l->nuses - f->uses &&
	       (f->type == LAYOUT_UNKNOWN ||
		l->types[f->type].kind == LAYOUT_FUNCTION);
}

static bool var_sound(const struct layout *l, const struct layout_var *v)
{
	return v->id < l->nstrings && v->type < l->ntypes &&
	       v->spelt < l->nstrings && v->file < l->nstrings &&
	       v->size <= UINT64_MAX / 16 &&
	       (v->type == LAYOUT_UNKNOWN || l->types[v->type].size <= v->size);
}

static bool use_sound(const struct layout *l, uint32_t use)
{
	if (use & LAYOUT_USE_FUNC)
		return (use & ~LAYOUT_USE_FUNC) < l->nfuncs;
	return use < l->nvars;
}

static bool all_sound(const struct layout *l)
{
	bool sound = l->types[LAYOUT_UNKNOWN].kind == LAYOUT_NONE &&
		     l->types[LAYOUT_VOID].kind == LAYOUT_NOTHING;

	for (uint32_t i = 0; sound && i < l->ntypes; i++)
		sound = type_sound(l, &l->types[i]);
	for (uint32_t i = 0; sound && i < l->nvars; i++)
		sound = var_sound(l, &l->vars[i]);
	for (uint32_t i = 0; sound && i < l->nfuncs; i++)
		sound = func_sound(l, &l->funcs[i]);
	for (uint32_t i = 0; sound && i < l->nuses; i++)
		sound = use_sound(l, l->uses[i]);
	for (uint32_t i = 0; sound && i < l->nlocals; i++)
		sound = l->locals[i].func < l->nstrings &&
			l->locals[i].name < l->nstrings &&
			l->locals[i].type < l->ntypes;
	return sound;
}

int layout_open(struct layout *l, const void *section, size_t size)
{
	const struct layout_header *h = section;
	const char *base = section;

	*l = (struct layout){0};
	if (!section || (uintptr_t)section % 8 || size < sizeof(*h) ||
	    memcmp(h->magic, LAYOUT_MAGIC, sizeof(h->magic)) ||
	    h->version != LAYOUT_VERSION || h->size > size ||
	    h->size < sizeof(*h) || !tables_fit(h))
		return -1;
	*l = (struct layout){
	    .types = (const void *)(base + h->types),
	    .parts = (const void *)(base + h->parts),
	    .vars = (const void *)(base + h->vars),
	    .funcs = (const void *)(base + h->funcs),
	    .uses = (const void *)(base + h->uses),
	    .locals = (const void *)(base + h->locals),
	    .strings = base + h->strings,
	    .ntypes = h->ntypes,
	    .nparts = h->nparts,
	    .nvars = h->nvars,
	    .nfuncs = h->nfuncs,
	    .nuses = h->nuses,
	    .nlocals = h->nlocals,
	    .nstrings = h->nstrings,
	};
	if (all_sound(l))
		return 0;
	*l = (struct layout){0};
	return -1;
}

/* --- finding things ------------------------------------------------------- */

/* The index of the record, of N with SIZE bytes at TABLE whose first member is
 * its id, that has the id ID; or N. */
static uint32_t id_find(const struct layout *l, const void *table, uint32_t n,
			size_t size, const char *id)
{
	uint32_t lo = 0, hi = n, mid, name;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		memcpy(&name, (const char *)table + mid * size, sizeof(name));
		order = strcmp(layout_str(l, name), id);
		if (order == 0)
			return mid;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return n;
}

const struct layout_var *layout_var(const struct layout *l, const char *id)
{
	uint32_t i = id_find(l, l->vars, l->nvars, sizeof(*l->vars), id);

	return i < l->nvars ? &l->vars[i] : NULL;
}

const struct layout_func *layout_func(const struct layout *l, const char *id)
{
	uint32_t i = id_find(l, l->funcs, l->nfuncs, sizeof(*l->funcs), id);

	return i < l->nfuncs ? &l->funcs[i] : NULL;
}

const struct layout_func *layout_func_at(const struct layout *l, uint64_t addr)
{
	for (uint32_t i = 0; i < l->nfuncs; i++)
		if (addr - l->funcs[i].addr < l->funcs[i].size)
			return &l->funcs[i];
	return NULL;
}

/* --- who may touch what --------------------------------------------------- */

static bool func_touches(const struct layout *l, const struct layout_func *f,
			 const bool *vars)
{
	for (uint32_t i = 0; i < f->nuses; i++) {
		uint32_t use = l->uses[f->uses + i];

		if (!(use & LAYOUT_USE_FUNC) && vars[use])
			return true;
	}
	return false;
}

static bool func_calls(const struct layout *l, const struct layout_func *f,
		       const bool *touches)
{
	for (uint32_t i = 0; i < f->nuses; i++) {
		uint32_t use = l->uses[f->uses + i];

		if (use & LAYOUT_USE_FUNC && touches[use & ~LAYOUT_USE_FUNC])
			return true;
	}
	return false;
}

static void callers_mark(const struct layout *l, bool *touches)
{
	bool more = true;

	while (more) {
		more = false;
		for (uint32_t i = 0; i < l->nfuncs; i++) {
			if (touches[i] || !func_calls(l, &l->funcs[i], touches))
				continue;
			touches[i] = true;
			more = true;
		}
	}
}

void layout_touchers(const struct layout *l, const char *const *ids, size_t n,
		     bool *touches)
{
	bool *vars = calloc(l->nvars ? l->nvars : 1, sizeof(*vars));
	const struct layout_var *v;

	for (uint32_t i = 0; i < l->nfuncs; i++)
		touches[i] = !vars; /* without memory: any may */
	for (size_t i = 0; vars && i < n; i++) {
		v = layout_var(l, ids[i]);
		if (v)
			vars[v - l->vars] = true;
	}
	for (uint32_t i = 0; vars && i < l->nfuncs; i++)
		touches[i] = func_touches(l, &l->funcs[i], vars);
	callers_mark(l, touches);
	free(vars);
}
