/* SPDX-License-Identifier: MIT
 *
 * How a variable of one type becomes one of another: see layout.h. Both types
 * are gone through side by side, members by name, and every leaf leaves a step.
 *
 * Members of anonymous structs and unions are looked through, as C does. Only a
 * union whose members are the same on both sides can be moved, whole: nothing
 * says which of them is alive. What no conversion could keep is refused here;
 * whether a value fits where it goes is asked when it goes there.
 *
 * Pointers are moved as they are: what they point to is layout-reach.c's
 * affair.
 *
 * An array is one loop however long it is, so the steps are as many as the
 * members that are written in the source. Types that multiply (a struct of two
 * structs of two structs ...) end at a budget.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/layout.h"

/* Enough for 20 000 members that all have other names on the other side. */
#define BUDGET (1u << 28)
#define STEP_COST 256

/* A part of a variable on one side. */
struct place {
	uint32_t type;
	uint64_t bit; /* from the variable's first */
	uint32_t width;
};

static int pair(struct plan *p, struct place a, struct place b, uint32_t node);

static bool spend(uint32_t *budget, uint32_t n)
{
	if (*budget < n)
		return false;
	*budget -= n;
	return true;
}

/* --- what a plan is made of ----------------------------------------------- */

static int refuse(struct plan *p, uint32_t node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The first refusal counts. */
static int refuse(struct plan *p, uint32_t node, const char *fmt, ...)
{
	size_t n = 0;
	va_list ap;

	if (p->refusal[0])
		return -1;
	if (node && node != UINT32_MAX) {
		snprintf(p->refusal, sizeof(p->refusal), "member ");
		plan_path(p, node, NULL, p->refusal + 7,
			  sizeof(p->refusal) - 100);
		strcat(p->refusal, ": ");
		n = strlen(p->refusal);
	}
	va_start(ap, fmt);
	vsnprintf(p->refusal + n, sizeof(p->refusal) - n, fmt, ap);
	va_end(ap);
	return -1;
}

static int too_many(struct plan *p, uint32_t node)
{
	return refuse(p, node, "it has too many members");
}

static int no_memory(struct plan *p)
{
	p->refusal[0] = '\0';
	return refuse(p, 0, "out of memory");
}

/* Room for one more of N records of SIZE bytes. */
static void *room(void *v, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 8;

	if (n < *cap)
		return v;
	v = realloc(v, more * size);
	if (v)
		*cap = more;
	return v;
}

/* A part NAME (NULL: an element) of node UP; UINT32_MAX: no memory. */
static uint32_t node_add(struct plan *p, uint32_t up, const char *name)
{
	void *v = room(p->nodes, p->nnodes, &p->capnodes, sizeof(*p->nodes));

	if (!v)
		return UINT32_MAX;
	p->nodes = v;
	p->nodes[p->nnodes] = (struct plan_node){up, name};
	return p->nnodes++;
}

static struct plan_step *step_add(struct plan *p, enum plan_kind kind,
				  uint32_t node)
{
	void *v = room(p->steps, p->nsteps, &p->capsteps, sizeof(*p->steps));

	if (!v)
		return NULL;
	p->steps = v;
	p->steps[p->nsteps] =
	    (struct plan_step){.kind = (uint8_t)kind, .node = node};
	return &p->steps[p->nsteps++];
}

static struct plan_side side_of(const struct layout *l, struct place at)
{
	const struct layout_type *t = &l->types[at.type];
	struct plan_side s = {.at = at.bit / 8,
			      .type = at.type,
			      .size = t->size,
			      .sign = t->flags & LAYOUT_SIGNED,
			      .bits = (uint16_t)at.width};

	if (at.width) {
		s.bit = (uint8_t)(at.bit % 8);
		s.size = (s.bit + at.width + 7) / 8;
	}
	return s;
}

static int leaf(struct plan *p, enum plan_kind kind, bool convert,
		struct place a, struct place b, uint32_t node)
{
	struct plan_step *s = step_add(p, kind, node);

	if (!s)
		return no_memory(p);
	s->from = side_of(p->was, a);
	s->to = side_of(p->is, b);
	s->convert = convert;
	if (convert || a.bit != b.bit || a.width != b.width)
		p->same = false;
	return 0;
}

static int name_note(struct plan *p, struct plan_names *names, uint32_t node,
		     const char *member)
{
	uint32_t sub = node_add(p, node, member);
	char path[300], **v;

	if (sub == UINT32_MAX)
		return no_memory(p);
	p->same = false;
	plan_path(p, sub, NULL, path, sizeof(path));
	v = realloc(names->v, (names->n + 1) * sizeof(*v));
	if (!v)
		return no_memory(p);
	names->v = v;
	v[names->n] = strdup(path);
	if (!v[names->n])
		return no_memory(p);
	names->n++;
	return 0;
}

static int cannot_become(struct plan *p, struct place a, struct place b,
			 uint32_t node)
{
	char from[100], to[100];

	layout_type_name(p->was, a.type, from, sizeof(from));
	layout_type_name(p->is, b.type, to, sizeof(to));
	if (!strcmp(from, to))
		return refuse(p, node, "%s cannot become another %s", from, to);
	return refuse(p, node, "%s cannot become %s", from, to);
}

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

static int pair_integers(struct plan *p, struct place a, struct place b,
			 uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	bool sign = (x->flags ^ y->flags) & LAYOUT_SIGNED;
	bool convert = x->size != y->size || a.width != b.width ||
		       ((x->flags ^ y->flags) & LAYOUT_BOOL);

	if (x->kind == LAYOUT_ENUM && y->kind == LAYOUT_ENUM &&
	    !enum_keeps(p, x, y))
		return leaf(p, PLAN_ENUM, true, a, b, node);
	/* Plain char has no sign that anybody relies on. */
	if (sign && !((x->flags | y->flags) & LAYOUT_CHAR))
		convert = true;
	return leaf(p, PLAN_INT, convert, a, b, node);
}

static bool is_integer(const struct layout_type *t)
{
	return t->kind == LAYOUT_INT || (t->kind == LAYOUT_ENUM && t->size);
}

static int pair_numbers(struct plan *p, struct place a, struct place b,
			uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (is_integer(x) && is_integer(y))
		return pair_integers(p, a, b, node);
	return leaf(p, PLAN_FLOAT, x->kind != y->kind || x->size != y->size, a,
		    b, node);
}

static int pair_pointers(struct plan *p, struct place a, struct place b,
			 uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	uint8_t from = p->was->types[x->to].kind, to = p->is->types[y->to].kind;
	bool code = from == LAYOUT_FUNCTION || to == LAYOUT_FUNCTION;

	if (code && from != to && from != LAYOUT_NOTHING &&
	    to != LAYOUT_NOTHING)
		return cannot_become(p, a, b, node);
	return leaf(p, code ? PLAN_FUNCTION : PLAN_POINTER, false, a, b, node);
}

/* --- arrays --------------------------------------------------------------- */

static uint64_t elements(const struct layout *l, const struct layout_type *t,
			 uint64_t extra)
{
	uint64_t size = l->types[t->to].size;

	return t->flags & LAYOUT_FLEXIBLE && size ? extra / size : t->count;
}

static int array_lost(struct plan *p, struct place a, uint64_t kept,
		      uint64_t all, uint64_t stride, uint32_t node)
{
	struct plan_step *s = step_add(p, PLAN_LOST, node);

	if (!s)
		return no_memory(p);
	s->from = (struct plan_side){.at = a.bit / 8 + kept * stride,
				     .size = (all - kept) * stride,
				     .stride = stride,
				     .type = a.type};
	s->count = kept;
	s->convert = true;
	p->same = false;
	return 0;
}

static int array_loop(struct plan *p, struct place a, struct place b,
		      uint64_t count, uint32_t node)
{
	struct place from = {.type = p->was->types[a.type].to, .bit = a.bit};
	struct place to = {.type = p->is->types[b.type].to, .bit = b.bit};
	struct plan_step *s = step_add(p, PLAN_LOOP, node);
	uint32_t at = p->nsteps - 1, element = node_add(p, node, NULL);

	if (!s || element == UINT32_MAX)
		return no_memory(p);
	s->count = count;
	s->from = side_of(p->was, a);
	s->from.stride = p->was->types[from.type].size;
	s->to = side_of(p->is, b);
	s->to.stride = p->is->types[to.type].size;
	if (a.bit != b.bit || s->from.stride != s->to.stride)
		p->same = false;
	if (pair(p, from, to, element) < 0)
		return -1;
	p->steps[at].body = p->nsteps - at - 1;
	return 0;
}

static int pair_strings(struct plan *p, struct place a, struct place b,
			uint64_t n, uint64_t m, uint32_t node)
{
	if (leaf(p, PLAN_STRING, n != m, a, b, node) < 0)
		return -1;
	p->steps[p->nsteps - 1].from.size = n;
	p->steps[p->nsteps - 1].to.size = m;
	return 0;
}

static int pair_arrays(struct plan *p, struct place a, struct place b,
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

/* --- structs and unions --------------------------------------------------- */

static bool is_anonymous(const struct layout *l, const struct layout_part *m)
{
	return !*layout_str(l, m->name) && !LAYOUT_WIDTH(m->at) &&
	       (l->types[m->type].kind == LAYOUT_STRUCT ||
		l->types[m->type].kind == LAYOUT_UNION);
}

static struct place member_place(struct place in, const struct layout_part *m)
{
	return (struct place){.type = m->type,
			      .bit = in.bit + LAYOUT_BIT(m->at),
			      .width = LAYOUT_WIDTH(m->at)};
}

/* Looks in IN for the member NAME, first where HINT says; *HINT then is the
 * place behind it. */
static bool member_find(struct plan *p, const struct layout *l, struct place in,
			const char *name, uint64_t *hint, struct place *found)
{
	const struct layout_type *t = &l->types[in.type];
	uint64_t none = 0;

	for (uint64_t k = 0; k < t->count; k++) {
		uint64_t i = (*hint + k) % t->count;
		const struct layout_part *m = &l->parts[t->first + i];
		struct place at = member_place(in, m);

		if (!spend(&p->budget, 1))
			return false;
		if (is_anonymous(l, m)
			? !member_find(p, l, at, name, &none, found)
			: strcmp(layout_str(l, m->name), name))
			continue;
		if (!is_anonymous(l, m)) {
			*found = at;
			*hint = i + 1;
		}
		return true;
	}
	return false;
}

static int pair_union(struct plan *p, struct place a, struct place b,
		      uint32_t node);

/* The anonymous union in the struct IN that has a member NAME. */
static bool union_find(struct plan *p, struct place in, const char *name,
		       struct place *found)
{
	const struct layout *l = p->is;
	const struct layout_type *t = &l->types[in.type];
	struct place ignored;
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &l->parts[t->first + i];
		struct place at = member_place(in, m);

		if (!is_anonymous(l, m))
			continue;
		if (l->types[m->type].kind == LAYOUT_STRUCT) {
			if (spend(&p->budget, 1) &&
			    union_find(p, at, name, found))
				return true;
		} else if (member_find(p, l, at, name, &hint, &ignored)) {
			*found = at;
			return true;
		}
	}
	return false;
}

/* Notes each member below IN, of side L, that OTHER (of side M) lacks. */
static int lacking_note(struct plan *p, const struct layout *l, struct place in,
			const struct layout *m, struct place other,
			struct plan_names *names, uint32_t node)
{
	const struct layout_type *t = &l->types[in.type];
	struct place found;
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *part = &l->parts[t->first + i];
		const char *name = layout_str(l, part->name);

		if (!spend(&p->budget, 1))
			return too_many(p, node);
		if (is_anonymous(l, part)) {
			if (lacking_note(p, l, member_place(in, part), m, other,
					 names, node) < 0)
				return -1;
		} else if (!member_find(p, m, other, name, &hint, &found) &&
			   name_note(p, names, node, name) < 0) {
			return -1;
		}
	}
	return 0;
}

static int pair_anonymous(struct plan *p, struct place a, struct place b,
			  uint32_t node);

/* Moves what IN, B's struct or an anonymous one in it, has of the old one. */
static int members_pair(struct plan *p, struct place in, struct place b,
			uint32_t node)
{
	const struct layout_type *t = &p->was->types[in.type];
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &p->was->parts[t->first + i];
		const char *name = layout_str(p->was, m->name);
		struct place from = member_place(in, m), to;
		uint32_t sub;

		if (!spend(&p->budget, 1))
			return too_many(p, node);
		if (is_anonymous(p->was, m)) {
			if (pair_anonymous(p, from, b, node) < 0)
				return -1;
			continue;
		}
		if (!member_find(p, p->is, b, name, &hint, &to))
			continue;
		sub = node_add(p, node, name);
		if (sub == UINT32_MAX)
			return no_memory(p);
		if (pair(p, from, to, sub) < 0)
			return -1;
	}
	return 0;
}

/* A union that is looked through: for its members' names a union is looked
 * for. 1: it is there, and was moved; 0: the new struct has none of them. */
static int union_pair(struct plan *p, struct place whole, uint32_t part,
		      struct place b, uint32_t node)
{
	const struct layout_type *t = &p->was->types[part];
	struct place to;
	uint64_t hint = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < t->count; i++) {
		const struct layout_part *m = &p->was->parts[t->first + i];
		const char *name = layout_str(p->was, m->name);

		if (!spend(&p->budget, 1))
			return too_many(p, node);
		if (is_anonymous(p->was, m))
			r = union_pair(p, whole, m->type, b, node);
		else if (union_find(p, b, name, &to))
			r = pair_union(p, whole, to, node_add(p, node, name)) <
				    0
				? -1
				: 1;
		else if (member_find(p, p->is, b, name, &hint, &to))
			r = refuse(p, node_add(p, node, name),
				   "it left its union, and nothing says which "
				   "member of that was in use");
	}
	return r;
}

static int pair_anonymous(struct plan *p, struct place a, struct place b,
			  uint32_t node)
{
	if (p->was->types[a.type].kind == LAYOUT_STRUCT)
		return members_pair(p, a, b, node);
	return union_pair(p, a, a.type, b, node) < 0 ? -1 : 0;
}

static int pair_structs(struct plan *p, struct place a, struct place b,
			uint32_t node)
{
	if (p->was->types[a.type].size != p->is->types[b.type].size)
		p->same = false;
	if (lacking_note(p, p->was, a, p->is, b, &p->removed, node) < 0 ||
	    lacking_note(p, p->is, b, p->was, a, &p->added, node) < 0)
		return -1;
	return members_pair(p, a, b, node);
}

/* What is in the union would be read alike in the other one. */
static bool union_same(struct plan *p, struct place a, struct place b)
{
	struct plan sub = {.was = p->was,
			   .is = p->is,
			   .same = true,
			   .budget = p->budget};
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	struct place from = {.type = a.type}, to = {.type = b.type};
	bool same = x->size == y->size && x->count == y->count &&
		    node_add(&sub, 0, NULL) == 0;

	same = same && pair_structs(&sub, from, to, 0) == 0 && sub.same;
	p->budget = sub.budget;
	plan_free(&sub);
	return same;
}

static int pair_union(struct plan *p, struct place a, struct place b,
		      uint32_t node)
{
	if (node == UINT32_MAX)
		return no_memory(p);
	if (!union_same(p, a, b))
		return refuse(p, node,
			      "its union changed, and nothing says which of "
			      "the members is in use");
	return leaf(p, PLAN_BYTES, false, a, b, node);
}

/* --- any ------------------------------------------------------------------ */

static bool is_opaque(const struct layout_type *t)
{
	return t->kind == LAYOUT_NONE || t->kind == LAYOUT_OPAQUE ||
	       t->flags & LAYOUT_INCOMPLETE;
}

static int pair_opaque(struct plan *p, struct place a, struct place b,
		       uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (x->size != y->size || x->kind != y->kind ||
	    strcmp(layout_str(p->was, x->name), layout_str(p->is, y->name)))
		return cannot_become(p, a, b, node);
	return leaf(p, PLAN_BYTES, false, a, b, node);
}

static int pair(struct plan *p, struct place a, struct place b, uint32_t node)
{
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];

	if (!spend(&p->budget, STEP_COST))
		return too_many(p, node);
	if (is_opaque(x) || is_opaque(y))
		return pair_opaque(p, a, b, node);
	if ((is_integer(x) || x->kind == LAYOUT_FLOAT) &&
	    (is_integer(y) || y->kind == LAYOUT_FLOAT))
		return pair_numbers(p, a, b, node);
	if (x->kind != y->kind)
		return cannot_become(p, a, b, node);
	switch (x->kind) {
	case LAYOUT_POINTER:
		return pair_pointers(p, a, b, node);
	case LAYOUT_ARRAY:
		return pair_arrays(p, a, b, node);
	case LAYOUT_STRUCT:
		return pair_structs(p, a, b, node);
	case LAYOUT_UNION:
		return pair_union(p, a, b, node);
	default:
		return cannot_become(p, a, b, node);
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
	struct place from = {.type = LAYOUT_UNKNOWN};

	if (a->size != b->size)
		return refuse(p, 0,
			      "its type is not known, and its size changed "
			      "from %llu to %llu bytes",
			      (unsigned long long)a->size,
			      (unsigned long long)b->size);
	if (leaf(p, PLAN_BYTES, false, from, from, 0) < 0)
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
	if (node_add(p, 0, NULL) == UINT32_MAX)
		return no_memory(p);
	if (a->size != b->size)
		p->same = false;
	if (a->type == LAYOUT_UNKNOWN || b->type == LAYOUT_UNKNOWN)
		return pair_unknown(p, a, b);
	return pair(p, (struct place){.type = a->type},
		    (struct place){.type = b->type}, 0);
}

static void names_free(struct plan_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

void plan_free(struct plan *p)
{
	names_free(&p->removed);
	names_free(&p->added);
	free(p->steps);
	free(p->nodes);
	*p = (struct plan){0};
}
