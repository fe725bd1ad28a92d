/* SPDX-License-Identifier: MIT
 *
 * How a variable of one type becomes one of another: see layout.h. Both types
 * are gone through side by side, members by name, and every leaf leaves a step.
 *
 * Structs and unions are layout-members.c's, what a plan is made of is
 * layout-steps.c's. What no conversion could keep is refused here; whether a
 * value fits where it goes is asked when it goes there.
 *
 * Pointers are moved as they are: what they point to is layout-reach.c's
 * affair.
 *
 * An array is one loop however long it is, so the steps are as many as the
 * members that are written in the source. Types that multiply (a struct of two
 * structs of two structs ...) end at a budget.
 */
#include <string.h>

#include "codeserver/layout-steps.h"

/* Enough for 20 000 members that all have other names on the other side. */
#define BUDGET (1u << 28)
#define STEP_COST 256

/* --- scalars -------------------------------------------------------------- */

/* What the enumerator NAME of T is; false: there is none. */
static bool enumerator(const struct layout *l, const struct layout_type *t,
		       const char *name, int64_t *value)
{
	const struct layout_part *e = l->parts + t->first;

	for (uint64_t i = 0; i < t->count; i++)
		if (!strcmp(layout_str(l, e[i].name), name)) {
			*value = e[i].at;
			return true;
		}
	return false;
}

static bool has_value(const struct layout *l, const struct layout_type *t,
		      int64_t value)
{
	for (uint64_t i = 0; i < t->count; i++)
		if (l->parts[t->first + i].at == value)
			return true;
	return false;
}

/* Every value that has a name in the old enum means the same in the new. */
static bool enum_keeps(struct plan *p, const struct layout_type *a,
		       const struct layout_type *b)
{
	const struct layout_part *e = p->was->parts + a->first;
	int64_t value;

	for (uint64_t i = 0; i < a->count; i++) {
		const char *name = layout_str(p->was, e[i].name);

		if (enumerator(p->is, b, name, &value)
			? value != e[i].at
			: !has_value(p->is, b, e[i].at))
			return false;
	}
	return true;
}

static int pair_integers(struct plan *p, struct plan_place a,
			 struct plan_place b, uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	bool sign = (x->flags ^ y->flags) & LAYOUT_SIGNED;
	bool convert = x->size != y->size || a.width != b.width ||
		       ((x->flags ^ y->flags) & LAYOUT_BOOL);

	if (x->kind == LAYOUT_ENUM && y->kind == LAYOUT_ENUM &&
	    !enum_keeps(p, x, y))
		return plan_leaf_add(p, PLAN_ENUM, true, a, b, node);
	/* Plain char has no sign that anybody relies on. */
	if (sign && !((x->flags | y->flags) & LAYOUT_CHAR))
		convert = true;
	return plan_leaf_add(p, PLAN_INT, convert, a, b, node);
}

static bool is_integer(const struct layout_type *t)
{
	return t->kind == LAYOUT_INT || (t->kind == LAYOUT_ENUM && t->size);
}

static int pair_numbers(struct plan *p, struct plan_place a,
			struct plan_place b, uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (is_integer(x) && is_integer(y))
		return pair_integers(p, a, b, node);
	return plan_leaf_add(p, PLAN_FLOAT,
			     x->kind != y->kind || x->size != y->size, a, b,
			     node);
}

static int pair_pointers(struct plan *p, struct plan_place a,
			 struct plan_place b, uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	uint8_t from = p->was->types[x->to].kind, to = p->is->types[y->to].kind;
	bool code = from == LAYOUT_FUNCTION || to == LAYOUT_FUNCTION;

	if (code && from != to && from != LAYOUT_NOTHING &&
	    to != LAYOUT_NOTHING)
		return plan_cannot_become(p, a, b, node);
	return plan_leaf_add(p, code ? PLAN_FUNCTION : PLAN_POINTER, false, a,
			     b, node);
}

/* --- arrays --------------------------------------------------------------- */

static uint64_t elements(const struct layout *l, const struct layout_type *t,
			 uint64_t extra)
{
	uint64_t size = l->types[t->to].size;

	return t->flags & LAYOUT_FLEXIBLE && size ? extra / size : t->count;
}

static int array_lost(struct plan *p, struct plan_place a, uint64_t kept,
		      uint64_t all, uint64_t stride, uint32_t node)
{
	struct plan_step *s = plan_step_add(p, PLAN_LOST, node);

	if (!s)
		return plan_no_memory(p);
	s->from = (struct plan_side){.at = a.bit / 8 + kept * stride,
				     .size = (all - kept) * stride,
				     .stride = stride,
				     .type = a.type};
	s->count = kept;
	s->convert = true;
	p->same = false;
	return 0;
}

static int array_loop(struct plan *p, struct plan_place a, struct plan_place b,
		      uint64_t count, uint32_t node)
{
	struct plan_place from = {.type = p->was->types[a.type].to,
				  .bit = a.bit};
	struct plan_place to = {.type = p->is->types[b.type].to, .bit = b.bit};
	struct plan_step *s = plan_step_add(p, PLAN_LOOP, node);
	uint32_t at = p->nsteps - 1, element = plan_node_add(p, node, NULL);

	if (!s || element == UINT32_MAX)
		return plan_no_memory(p);
	s->count = count;
	s->from = plan_side_of(p->was, a);
	s->from.stride = p->was->types[from.type].size;
	s->to = plan_side_of(p->is, b);
	s->to.stride = p->is->types[to.type].size;
	if (a.bit != b.bit || s->from.stride != s->to.stride)
		p->same = false;
	if (plan_pair(p, from, to, element) < 0)
		return -1;
	p->steps[at].body = p->nsteps - at - 1;
	return 0;
}

static int pair_strings(struct plan *p, struct plan_place a,
			struct plan_place b, uint64_t n, uint64_t m,
			uint32_t node)
{
	if (plan_leaf_add(p, PLAN_STRING, n != m, a, b, node) < 0)
		return -1;
	p->steps[p->nsteps - 1].from.size = n;
	p->steps[p->nsteps - 1].to.size = m;
	return 0;
}

static int pair_arrays(struct plan *p, struct plan_place a, struct plan_place b,
		       uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	uint64_t n = elements(p->was, x, p->extra[0]);
	uint64_t m = elements(p->is, y, p->extra[1]);
	uint64_t both = n < m ? n : m;

	if (p->was->types[x->to].flags & p->is->types[y->to].flags &
	    LAYOUT_CHAR)
		return pair_strings(p, a, b, n, m, node);
	if (n != m)
		p->same = false;
	/* Elements without a byte have no leaf, however many there are. */
	if (both && p->was->types[x->to].size && p->is->types[y->to].size &&
	    array_loop(p, a, b, both, node) < 0)
		return -1;
	return n > both
		   ? array_lost(p, a, both, n, p->was->types[x->to].size, node)
		   : 0;
}

/* --- any ------------------------------------------------------------------ */

static bool is_opaque(const struct layout_type *t)
{
	return t->kind == LAYOUT_NONE || t->kind == LAYOUT_OPAQUE ||
	       t->flags & LAYOUT_INCOMPLETE;
}

static int pair_opaque(struct plan *p, struct plan_place a, struct plan_place b,
		       uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (x->size != y->size || x->kind != y->kind ||
	    strcmp(layout_str(p->was, x->name), layout_str(p->is, y->name)))
		return plan_cannot_become(p, a, b, node);
	return plan_leaf_add(p, PLAN_BYTES, false, a, b, node);
}

int plan_pair(struct plan *p, struct plan_place a, struct plan_place b,
	      uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (!plan_spend(&p->budget, STEP_COST))
		return plan_too_many(p, node);
	if (is_opaque(x) || is_opaque(y))
		return pair_opaque(p, a, b, node);
	if ((is_integer(x) || x->kind == LAYOUT_FLOAT) &&
	    (is_integer(y) || y->kind == LAYOUT_FLOAT))
		return pair_numbers(p, a, b, node);
	if (x->kind != y->kind)
		return plan_cannot_become(p, a, b, node);
	switch (x->kind) {
	case LAYOUT_POINTER:
		return pair_pointers(p, a, b, node);
	case LAYOUT_ARRAY:
		return pair_arrays(p, a, b, node);
	case LAYOUT_STRUCT:
		return plan_pair_structs(p, a, b, node);
	case LAYOUT_UNION:
		return plan_pair_unions(p, a, b, node);
	default:
		return plan_cannot_become(p, a, b, node);
	}
}

/* --- a variable ----------------------------------------------------------- */

/* Bytes of V from where its type's flexible array begins; 0: it has none. */
static uint64_t flexible(const struct layout *l, const struct layout_var *v)
{
	const struct layout_type *t = &l->types[v->type], *last;
	const struct layout_part *m;

	if (t->flags & LAYOUT_FLEXIBLE)
		return v->size;
	if (t->kind != LAYOUT_STRUCT || !t->count)
		return 0;
	m = &l->parts[t->first + t->count - 1];
	last = &l->types[m->type];
	return last->flags & LAYOUT_FLEXIBLE ? v->size - LAYOUT_BIT(m->at) / 8
					     : 0;
}

static int pair_unknown(struct plan *p, const struct layout_var *a,
			const struct layout_var *b)
{
	struct plan_place from = {.type = LAYOUT_UNKNOWN};

	if (a->size != b->size)
		return plan_refuse(
		    p, 0,
		    "its type is not known, and its size changed "
		    "from %llu to %llu bytes",
		    (unsigned long long)a->size, (unsigned long long)b->size);
	if (plan_leaf_add(p, PLAN_BYTES, false, from, from, 0) < 0)
		return -1;
	p->steps[0].from.size = p->steps[0].to.size = a->size;
	return 0;
}

int layout_plan(const struct layout *was, const struct layout_var *a,
		const struct layout *is, const struct layout_var *b,
		struct plan *p)
{
	*p =
	    (struct plan){.was = was, .is = is, .same = true, .budget = BUDGET};
	p->extra[0] = flexible(was, a);
	p->extra[1] = flexible(is, b);
	if (plan_node_add(p, 0, NULL) == UINT32_MAX)
		return plan_no_memory(p);
	if (a->size != b->size)
		p->same = false;
	if (a->type == LAYOUT_UNKNOWN || b->type == LAYOUT_UNKNOWN)
		return pair_unknown(p, a, b);
	return plan_pair(p, (struct plan_place){.type = a->type},
			 (struct plan_place){.type = b->type}, 0);
}
