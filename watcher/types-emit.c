/* SPDX-License-Identifier: MIT
 *
 * The section .hw.types: of all types in the table those that something leads
 * to, with new numbers, and what was known before the link with what the debug
 * information added. What the reader would not accept (debug information that
 * is nonsense) is left out: the section then has no types, and the variables
 * are of types not known.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher/types.h"

struct emit {
	const struct types *t;
	const struct types_content *c;
	uint32_t *map;  /* by type of t: 1 + its new number; 0: not wanted */
	uint32_t *same; /* by type of t: which stands for it */
	struct types out;
	uint32_t done;  /* types of out whose references are renumbered */
	uint8_t *state; /* of out's types: see shape */
};

static bool has_parts(const struct layout_type *type)
{
	return type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION ||
	       type->kind == LAYOUT_ENUM || type->kind == LAYOUT_FUNCTION;
}

/* --- the same type in several units --------------------------------------- */

static bool is_named(const struct types *t, uint32_t i)
{
	const struct layout_type *type = &t->types[i];

	return has_parts(type) && type->kind != LAYOUT_FUNCTION &&
	       t->strings.s[type->name];
}

/* A is what B is: the same, or all that is known of B is its name. */
static bool stands_for(struct emit *e, struct types_hash *h, uint32_t a,
		       uint32_t b)
{
	const struct layout_type *x = &e->t->types[a], *y = &e->t->types[b];

	if (x->kind != y->kind || x->name != y->name)
		return false;
	if ((x->flags ^ y->flags) & LAYOUT_INCOMPLETE)
		return y->flags & LAYOUT_INCOMPLETE;
	return types_hash_deep(h, a) == types_hash_deep(h, b);
}

static int compare_name(const void *a, const void *b, void *arg)
{
	const struct types *t = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

	if (t->types[i].name != t->types[k].name)
		return t->types[i].name < t->types[k].name ? -1 : 1;
	return (i > k) - (i < k);
}

/* Of N types of one name each goes to the first that stands for it. */
static void namesakes_join(struct emit *e, struct types_hash *h,
			   const uint32_t *named, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < n; k++)
			if (k != i && e->same[named[k]] == named[k] &&
			    stands_for(e, h, named[k], named[i])) {
				e->same[named[i]] = named[k];
				break;
			}
}

static void units_join(struct emit *e)
{
	struct types_hash *h = types_hash_new(e->t);
	uint32_t n = e->t->n, *named = xcalloc(n, sizeof(*named)), count = 0;
	uint32_t first = 0;

	for (uint32_t i = 0; i < n; i++)
		if (is_named(e->t, i))
			named[count++] = i;
	qsort_r(named, count, sizeof(*named), compare_name,
		(void *)(uintptr_t)e->t);
	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 < count && e->t->types[named[i + 1]].name ==
					 e->t->types[named[i]].name)
			continue;
		namesakes_join(e, h, named + first, i + 1 - first);
		first = i + 1;
	}
	free(named);
	types_hash_free(h);
}

/* --- which types ---------------------------------------------------------- */

static uint32_t string(struct emit *e, uint32_t at)
{
	return types_string(&e->out, e->t->strings.s + at);
}

static uint32_t want(struct emit *e, uint32_t type)
{
	struct layout_type copy;

	while (e->same[type] != type)
		type = e->same[type];
	if (e->map[type])
		return e->map[type] - 1;
	copy = e->t->types[type];
	copy.name = string(e, copy.name);
	e->map[type] = types_new(&e->out, &copy) + 1;
	return e->map[type] - 1;
}

static void parts_want(struct emit *e, uint32_t i)
{
	struct layout_type type = e->out.types[i];
	struct layout_part *p = xcalloc(type.count, sizeof(*p));

	for (uint64_t k = 0; k < type.count; k++) {
		p[k] = e->t->parts[type.first + k];
		p[k].name = string(e, p[k].name);
		p[k].type = want(e, p[k].type);
	}
	types_parts_set(&e->out, i, p, type.count);
	free(p);
}

/* Renumbers what the wanted types refer to, which wants more of them. */
static void types_want(struct emit *e)
{
	for (; e->done < e->out.n; e->done++) {
		uint32_t to = want(e, e->out.types[e->done].to);

		e->out.types[e->done].to = to;
		if (has_parts(&e->out.types[e->done]))
			parts_want(e, e->done);
		else
			e->out.types[e->done].first = 0;
	}
}

/* --- depth and alignment -------------------------------------------------- */

static uint8_t exponent(uint64_t size)
{
	uint8_t n = 0;

	while (n < 4 && !(size >> n & 1))
		n++;
	return size ? n : 0;
}

static void shape(struct emit *e, uint32_t i);

static void shape_take(struct layout_type *type, const struct layout_type *part,
		       uint64_t bit)
{
	uint64_t bits = 8ull << part->align;

	if (part->depth >= type->depth)
		type->depth = (uint8_t)(part->depth + 1);
	/* What is not where it would want to be is in something packed. */
	if (part->align > type->align && bit % bits == 0 &&
	    type->size * 8 % bits == 0)
		type->align = part->align;
}

static void shape_parts(struct emit *e, uint32_t i)
{
	struct layout_type *type = &e->out.types[i];
	const struct layout_part *p = e->out.parts + type->first;

	for (uint64_t k = 0; k < type->count; k++) {
		shape(e, p[k].type);
		shape_take(type, &e->out.types[p[k].type],
			   LAYOUT_WIDTH(p[k].at) ? 0 : LAYOUT_BIT(p[k].at));
	}
}

/* STATE: 0 not yet, 1 under way (then it contains itself: nonsense), 2 done. */
static void shape(struct emit *e, uint32_t i)
{
	struct layout_type *type = &e->out.types[i];

	if (e->state[i])
		return;
	e->state[i] = 1;
	switch (type->kind) {
	case LAYOUT_STRUCT:
	case LAYOUT_UNION:
		shape_parts(e, i);
		break;
	case LAYOUT_ARRAY:
		shape(e, type->to);
		shape_take(type, &e->out.types[type->to], 0);
		break;
	default:
		type->align = exponent(type->size);
	}
	if (type->depth > LAYOUT_DEPTH)
		*type = (struct layout_type){.kind = LAYOUT_OPAQUE,
					     .name = type->name,
					     .size = type->size};
	e->state[i] = 2;
}

/* --- the other tables ----------------------------------------------------- */

/* Strings of USES, which has its own. */
static uint32_t string_of(struct emit *e, uint32_t at)
{
	return types_string(&e->out, layout_str(e->c->uses, at));
}

static struct layout_var *vars_make(struct emit *e)
{
	const struct layout *uses = e->c->uses;
	struct layout_var *v = xcalloc(uses->nvars, sizeof(*v));

	for (uint32_t i = 0; i < uses->nvars; i++) {
		v[i] = uses->vars[i];
		v[i].id = string_of(e, v[i].id);
	}
	for (size_t i = 0; i < e->c->nvars; i++) {
		const struct types_var *from = &e->c->vars[i];
		const struct layout_var *to =
		    from->id ? layout_var(uses, from->id) : NULL;
		struct layout_var *out;

		if (!to || !from->type)
			continue;
		out = &v[to - uses->vars];
		out->spelt = string(e, from->spelt);
		out->file = string(e, from->file);
		out->line = from->line;
		if (e->t->types[from->type].size <= out->size)
			out->type = want(e, from->type);
	}
	return v;
}

static struct layout_func *funcs_make(struct emit *e)
{
	const struct layout *uses = e->c->uses;
	struct layout_func *f = xcalloc(uses->nfuncs, sizeof(*f));

	for (uint32_t i = 0; i < uses->nfuncs; i++) {
		f[i] = uses->funcs[i];
		f[i].id = string_of(e, f[i].id);
		f[i].type = want(e, e->c->funcs[i].type);
		f[i].file = string(e, e->c->funcs[i].file);
		f[i].line = e->c->funcs[i].line;
	}
	return f;
}

static struct layout_local *locals_make(struct emit *e)
{
	struct layout_local *l = xcalloc(e->c->nlocals, sizeof(*l));

	for (size_t i = 0; i < e->c->nlocals; i++)
		l[i] = (struct layout_local){
		    .func = string(e, e->c->locals[i].func),
		    .name = string(e, e->c->locals[i].name),
		    .type = want(e, e->c->locals[i].type)};
	return l;
}

/* --- the section ---------------------------------------------------------- */

void types_join(struct layout_header *h, const void *const tables[7],
		struct text *section)
{
	static const size_t sizes[7] = {sizeof(struct layout_type),
					sizeof(struct layout_part),
					sizeof(struct layout_var),
					sizeof(struct layout_func),
					sizeof(uint32_t),
					sizeof(struct layout_local),
					1};
	uint32_t *pair = &h->types;

	memcpy(h->magic, LAYOUT_MAGIC, sizeof(h->magic));
	h->version = LAYOUT_VERSION;
	text_add(section, h, sizeof(*h));
	for (int i = 0; i < 7; i++, pair += 2) {
		pair[0] = (uint32_t)section->len;
		if (pair[1])
			text_add(section, tables[i], pair[1] * sizes[i]);
		while (section->len % 8)
			text_add(section, "", 1);
	}
	h->size = (uint32_t)section->len;
	memcpy(section->s, h, sizeof(*h));
}

static void join(struct emit *e, const struct layout_var *vars,
		 const struct layout_func *funcs,
		 const struct layout_local *locals, struct text *section)
{
	const struct layout *uses = e->c->uses;
	struct layout_header h = {.ntypes = e->out.n,
				  .nparts = e->out.nparts,
				  .nvars = uses->nvars,
				  .nfuncs = uses->nfuncs,
				  .nuses = uses->nuses,
				  .nlocals = (uint32_t)e->c->nlocals,
				  .nstrings = (uint32_t)e->out.strings.len};
	const void *const tables[7] = {e->out.types,    e->out.parts, vars,
				       funcs,           uses->uses,   locals,
				       e->out.strings.s};

	types_join(&h, tables, section);
}

static void emit_begin(struct emit *e)
{
	types_begin(&e->out);
	e->map = xcalloc(e->t->n, sizeof(*e->map));
	e->same = xcalloc(e->t->n, sizeof(*e->same));
	for (uint32_t i = 0; i < e->t->n; i++)
		e->same[i] = i;
	e->map[LAYOUT_UNKNOWN] = LAYOUT_UNKNOWN + 1;
	e->map[LAYOUT_VOID] = LAYOUT_VOID + 1;
	if (e->t->several)
		units_join(e);
}

static void emit(const struct types *t, const struct types_content *c,
		 struct text *section)
{
	struct emit e = {.t = t, .c = c};
	struct layout_var *vars;
	struct layout_func *funcs;
	struct layout_local *locals;

	emit_begin(&e);
	vars = vars_make(&e);
	funcs = funcs_make(&e);
	locals = locals_make(&e);
	types_want(&e);
	e.state = xcalloc(e.out.n, 1);
	for (uint32_t i = 0; i < e.out.n; i++)
		shape(&e, i);
	join(&e, vars, funcs, locals, section);
	free(vars);
	free(funcs);
	free(locals);
	free(e.map);
	free(e.same);
	free(e.state);
	types_end(&e.out);
}

void types_emit(const struct types *t, const struct types_content *c,
		struct text *section)
{
	struct types_content bare = {.uses = c->uses};
	struct types none;
	struct layout l;

	emit(t, c, section);
	if (layout_open(&l, section->s, section->len) == 0)
		return;
	text_free(section);
	types_begin(&none);
	bare.funcs = xcalloc(c->uses->nfuncs, sizeof(*bare.funcs));
	emit(&none, &bare, section);
	free((void *)(uintptr_t)bare.funcs);
	types_end(&none);
}
