/* SPDX-License-Identifier: MIT
 *
 * Whether memory of the old type can be taken for one of the new: for objects
 * that nobody finds, so nobody converts. Stricter than a plan in what it takes
 * for equal (nothing is converted), laxer in names: a member that was renamed
 * in its place, and a number with the enumerators it had and more, are read as
 * they were written.
 *
 * Anonymous structs and unions are looked through: members are compared as a
 * list, each with its place. The first difference in the order of the old
 * members is told, so "retyped" comes before the "moved" that follows from it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/layout.h"

#define MEMBERS 65536 /* in one type: more would not be anybody's */
/* Types that multiply by holding each other twice end here. */
#define BUDGET (1u << 22)

struct differ_member {
	const char *name;
	uint32_t type;
	uint64_t bit;
	uint32_t width;
};

#define TELL(d, ...) (snprintf((d)->text, (d)->size, __VA_ARGS__), true)

static bool spend(struct layout_differ *d)
{
	if (d->budget)
		d->budget--;
	return d->budget;
}

static bool became(struct layout_differ *d, const char *what, uint32_t a,
		   uint32_t b)
{
	char from[100], to[100];

	layout_type_name(d->was, a, from, sizeof(from));
	layout_type_name(d->is, b, to, sizeof(to));
	return TELL(d, "%s%s became %s", what,
		    strcmp(from, to) ? from : "another type", to);
}

/* --- lists of members ----------------------------------------------------- */

static bool member_add(struct layout_differ *d, struct differ_side *s,
		       struct differ_member m)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	void *v;

	if (s->n == MEMBERS)
		return false;
	if (s->n == s->cap) {
		v = realloc(s->v, cap * sizeof(*s->v));
		if (!v) {
			d->no_memory = true;
			return false;
		}
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = m;
	return true;
}

static bool is_anonymous(const struct layout *l, const struct layout_part *m)
{
	return !*layout_str(l, m->name) && !LAYOUT_WIDTH(m->at) &&
	       (l->types[m->type].kind == LAYOUT_STRUCT ||
		l->types[m->type].kind == LAYOUT_UNION);
}

/* Appends the members of TYPE, at BIT of the whole. */
static bool members_list(struct layout_differ *d, const struct layout *l,
			 struct differ_side *s, uint32_t type, uint64_t bit)
{
	const struct layout_type *t = &l->types[type];

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &l->parts[t->first + i];
		struct differ_member out = {.name = layout_str(l, m->name),
					    .type = m->type,
					    .bit = bit + LAYOUT_BIT(m->at),
					    .width = LAYOUT_WIDTH(m->at)};

		if (!spend(d) || !(is_anonymous(l, m)
				       ? members_list(d, l, s, m->type, out.bit)
				       : member_add(d, s, out)))
			return false;
	}
	return true;
}

/* The member NAME of side S from FROM on, or NULL. */
static const struct differ_member *
named(const struct differ_side *s, size_t first, size_t from, const char *name)
{
	size_t n = s->n - first;

	for (size_t i = 0; *name && i < n; i++) {
		const struct differ_member *m = &s->v[first + (from + i) % n];

		if (!strcmp(m->name, name))
			return m;
	}
	return NULL;
}

/* --- members -------------------------------------------------------------- */

/* Where this comparison's members begin in the two lists: those of types
 * around it come before. */
struct span {
	size_t a, b;
};

static bool types_differ(struct layout_differ *d, uint32_t a, uint32_t b);

/* M, which S lacks by name, has another name there: of the same type, in the
 * same place, and not known on M's own side O. */
static bool renamed(struct layout_differ *d, const struct differ_member *m,
		    const struct differ_side *s, size_t first,
		    const struct differ_side *o, size_t ofirst)
{
	for (size_t i = first; i < s->n; i++) {
		struct differ_member other = s->v[i], mine = *m;
		bool old = s == &d->b;

		if (other.bit != mine.bit || other.width != mine.width ||
		    named(o, ofirst, 0, other.name))
			continue;
		return old ? !types_differ(d, mine.type, other.type)
			   : !types_differ(d, other.type, mine.type);
	}
	return false;
}

static bool moved(struct layout_differ *d, const struct differ_member *x,
		  const struct differ_member *y)
{
	unsigned long long from = x->bit, to = y->bit;

	if (x->width != y->width)
		return TELL(d, "member %s: %u bits became %u", x->name,
			    x->width
				? x->width
				: (unsigned)d->was->types[x->type].size * 8,
			    y->width
				? y->width
				: (unsigned)d->is->types[y->type].size * 8);
	if (from == to)
		return false;
	if (from % 8 || to % 8)
		return TELL(d, "member %s moved bit %llu → %llu", x->name, from,
			    to);
	return TELL(d, "member %s moved %llu → %llu", x->name, from / 8,
		    to / 8);
}

static bool is_aggregate(const struct layout_type *t)
{
	return t->kind == LAYOUT_STRUCT || t->kind == LAYOUT_UNION;
}

/* What was told of a member's type, told of the member. */
static bool tell_member(struct layout_differ *d, const char *name, uint32_t a,
			uint32_t b)
{
	char inner[300];

	snprintf(inner, sizeof(inner), "%s", d->text);
	if (is_aggregate(&d->was->types[a]) && is_aggregate(&d->is->types[b]) &&
	    !strncmp(inner, "member ", 7))
		return TELL(d, "member %s.%s", name, inner + 7);
	return TELL(d, "member %s: %s", name, inner);
}

static bool member_differs(struct layout_differ *d, size_t i, struct span at)
{
	struct differ_member x = d->a.v[i], y;
	const struct differ_member *found =
	    named(&d->b, at.b, i - at.a, x.name);

	if (!found)
		return !renamed(d, &x, &d->b, at.b, &d->a, at.a) &&
		       TELL(d, "member %s removed", x.name);
	y = *found;
	if (types_differ(d, x.type, y.type))
		return tell_member(d, x.name, x.type, y.type);
	return moved(d, &x, &y);
}

static bool lists_differ(struct layout_differ *d, struct span at)
{
	for (size_t i = at.a; i < d->a.n; i++)
		if (member_differs(d, i, at))
			return true;
	for (size_t i = at.b; i < d->b.n; i++) {
		struct differ_member y = d->b.v[i];

		if (!named(&d->a, at.a, i - at.b, y.name) &&
		    !renamed(d, &y, &d->a, at.a, &d->b, at.b))
			return TELL(d, "member %s added", y.name);
	}
	return false;
}

static bool structs_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	const struct layout_type *x = &d->was->types[a];
	const struct layout_type *y = &d->is->types[b];
	struct span at = {d->a.n, d->b.n};
	bool differs;

	if (x->flags & LAYOUT_INCOMPLETE || y->flags & LAYOUT_INCOMPLETE)
		return false;
	if (!members_list(d, d->was, &d->a, a, 0) ||
	    !members_list(d, d->is, &d->b, b, 0))
		differs = TELL(d, "it could not be compared");
	else
		differs = lists_differ(d, at);
	d->a.n = at.a;
	d->b.n = at.b;
	if (!differs && x->size != y->size)
		return TELL(d, "its size changed %llu → %llu",
			    (unsigned long long)x->size,
			    (unsigned long long)y->size);
	return differs;
}

/* --- others --------------------------------------------------------------- */

static bool enums_differ(struct layout_differ *d, const struct layout_type *x,
			 const struct layout_type *y)
{
	const struct layout_part *e = d->was->parts + x->first;
	const struct layout_part *f = d->is->parts + y->first;

	for (uint64_t i = 0; i < x->count; i++) {
		const char *name = layout_str(d->was, e[i].name);

		for (uint64_t k = 0; k < y->count; k++) {
			const struct layout_part *now = &f[(i + k) % y->count];

			if (strcmp(layout_str(d->is, now->name), name))
				continue;
			if (now->at != e[i].at)
				return TELL(d,
					    "enumerator %s changed %lld → "
					    "%lld",
					    name, (long long)e[i].at,
					    (long long)now->at);
			break;
		}
	}
	return false;
}

static bool integers_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	const struct layout_type *x = &d->was->types[a];
	const struct layout_type *y = &d->is->types[b];
	uint8_t flags = x->flags ^ y->flags;

	if ((x->flags | y->flags) & LAYOUT_INCOMPLETE)
		return false;
	if (x->size != y->size || flags & LAYOUT_BOOL ||
	    (flags & LAYOUT_SIGNED && !((x->flags | y->flags) & LAYOUT_CHAR)))
		return became(d, "", a, b);
	return x->kind == LAYOUT_ENUM && y->kind == LAYOUT_ENUM &&
	       enums_differ(d, x, y);
}

static bool pointers_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	uint8_t from = d->was->types[d->was->types[a].to].kind;
	uint8_t to = d->is->types[d->is->types[b].to].kind;

	return (from == LAYOUT_FUNCTION) != (to == LAYOUT_FUNCTION) &&
	       from != LAYOUT_NOTHING && to != LAYOUT_NOTHING &&
	       became(d, "", a, b);
}

static bool arrays_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	const struct layout_type *x = &d->was->types[a];
	const struct layout_type *y = &d->is->types[b];

	if (types_differ(d, x->to, y->to))
		return true;
	return x->count != y->count && became(d, "", a, b);
}

/* How a function of that type is called. One that was declared without
 * parameters ("()") is called in any way. */
static bool functions_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	const struct layout_type *x = &d->was->types[a];
	const struct layout_type *y = &d->is->types[b];
	bool open = (x->flags & LAYOUT_VARIADIC && !x->count) ||
		    (y->flags & LAYOUT_VARIADIC && !y->count);

	if (types_differ(d, x->to, y->to))
		return became(d, "", a, b);
	if (open)
		return false;
	if (x->count != y->count || ((x->flags ^ y->flags) & LAYOUT_VARIADIC))
		return became(d, "", a, b);
	for (uint64_t i = 0; i < x->count; i++)
		if (types_differ(d, d->was->parts[x->first + i].type,
				 d->is->parts[y->first + i].type))
			return became(d, "", a, b);
	return false;
}

static bool is_integer(const struct layout_type *t)
{
	return t->kind == LAYOUT_INT || t->kind == LAYOUT_ENUM;
}

static bool types_differ(struct layout_differ *d, uint32_t a, uint32_t b)
{
	const struct layout_type *x = &d->was->types[a];
	const struct layout_type *y = &d->is->types[b];

	if (!spend(d))
		return TELL(d, "it could not be compared");
	if (x->kind == LAYOUT_NONE || y->kind == LAYOUT_NONE)
		return false;
	if (is_integer(x) && is_integer(y))
		return integers_differ(d, a, b);
	if (x->kind != y->kind)
		return became(d, "", a, b);
	switch (x->kind) {
	case LAYOUT_STRUCT:
	case LAYOUT_UNION:
		return structs_differ(d, a, b);
	case LAYOUT_ARRAY:
		return arrays_differ(d, a, b);
	case LAYOUT_POINTER:
		return pointers_differ(d, a, b);
	case LAYOUT_FUNCTION:
		return functions_differ(d, a, b);
	case LAYOUT_NOTHING:
		return false;
	default: /* floats, opaque ones */
		return (x->size != y->size ||
			strcmp(layout_str(d->was, x->name),
			       layout_str(d->is, y->name))) &&
		       became(d, "", a, b);
	}
}

bool layout_differs(struct layout_differ *d, uint32_t a, uint32_t b)
{
	d->a.n = d->b.n = 0;
	d->budget = BUDGET;
	return types_differ(d, a, b);
}

void layout_differ_free(struct layout_differ *d)
{
	free(d->a.v);
	free(d->b.v);
	*d = (struct layout_differ){0};
}
