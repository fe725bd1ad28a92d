/* SPDX-License-Identifier: MIT
 *
 * Types of two sides side by side, where layout.h's plans and paths do not
 * look: whether a function is called in another way, and what changed in a
 * type without moving a byte of it.
 *
 * A signature's types are compared as a caller sees them: behind a pointer a
 * struct counts by its name (what is in it is layout_reach's), a function by
 * its own parameters; by value it counts with all its members.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

#define DEEP 24 /* pointers to pointers, perhaps without end */

struct sides {
	const struct layout *was, *is;
};

static bool same(const struct sides *s, uint32_t a, uint32_t b, bool behind,
		 int depth);

static const char *part_name(const struct layout *l,
			     const struct layout_part *p)
{
	return layout_str(l, p->name);
}

static bool parts_same(const struct sides *s, const struct layout_type *a,
		       const struct layout_type *b, int depth)
{
	for (uint64_t i = 0; i < a->count && i < b->count; i++) {
		const struct layout_part *x = &s->was->parts[a->first + i];
		const struct layout_part *y = &s->is->parts[b->first + i];

		if (a->kind == LAYOUT_STRUCT && x->at != y->at)
			return false;
		if (!same(s, x->type, y->type, false, depth))
			return false;
	}
	return a->count == b->count;
}

/* The enumerator of B called NAME; most are where they were, at I. */
static const struct layout_part *enumerator(const struct layout *l,
					    const struct layout_type *b,
					    const char *name, uint64_t i)
{
	const struct layout_part *p = l->parts + b->first;

	if (i < b->count && !strcmp(name, part_name(l, &p[i])))
		return &p[i];
	for (uint64_t k = 0; k < b->count; k++)
		if (!strcmp(name, part_name(l, &p[k])))
			return &p[k];
	return NULL;
}

/* Names that both have stand for the same numbers. */
static bool enums_same(const struct sides *s, const struct layout_type *a,
		       const struct layout_type *b)
{
	for (uint64_t i = 0; i < a->count; i++) {
		const struct layout_part *x = &s->was->parts[a->first + i], *y;

		y = enumerator(s->is, b, part_name(s->was, x), i);
		if (y && x->at != y->at)
			return false;
	}
	return true;
}

static bool named_same(const struct sides *s, const struct layout_type *a,
		       const struct layout_type *b, bool behind, int depth)
{
	const char *x = layout_str(s->was, a->name);
	const char *y = layout_str(s->is, b->name);

	if (strcmp(x, y) != 0)
		return false;
	if (behind && *x)
		return true;
	if (a->kind == LAYOUT_ENUM)
		return a->size == b->size && enums_same(s, a, b);
	return a->size == b->size && parts_same(s, a, b, depth);
}

static bool same(const struct sides *s, uint32_t ta, uint32_t tb, bool behind,
		 int depth)
{
	const struct layout_type *a = &s->was->types[ta];
	const struct layout_type *b = &s->is->types[tb];

	if (ta == LAYOUT_UNKNOWN || tb == LAYOUT_UNKNOWN || depth > DEEP)
		return true;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LAYOUT_POINTER:
		return same(s, a->to, b->to, true, depth + 1);
	case LAYOUT_ARRAY:
		return (behind || a->count == b->count) &&
		       same(s, a->to, b->to, behind, depth + 1);
	case LAYOUT_FUNCTION:
		return ((a->flags ^ b->flags) & LAYOUT_VARIADIC) == 0 &&
		       same(s, a->to, b->to, false, depth + 1) &&
		       parts_same(s, a, b, depth + 1);
	case LAYOUT_STRUCT:
	case LAYOUT_UNION:
	case LAYOUT_ENUM:
		return named_same(s, a, b, behind, depth + 1);
	case LAYOUT_INT:
		return a->size == b->size &&
		       !((a->flags ^ b->flags) & (LAYOUT_SIGNED | LAYOUT_BOOL));
	default:
		return a->size == b->size;
	}
}

bool check_same_type(const struct layout *was, uint32_t a,
		     const struct layout *is, uint32_t b)
{
	struct sides s = {was, is};

	return same(&s, a, b, false, 0);
}

/* --- what changed in place ------------------------------------------------ */

/* Where a type's definition begins, for a finding. */
static void found(struct check_pair *p, enum check_rule_id rule,
		  const char *type, const char *was, const char *is,
		  const char *what)
{
	struct check_place at = {0};
	struct check_finding *f;
	char *file = NULL;

	check_type_place(p->is, type, &file, &at.line);
	at.file = file;
	f = check_add(p->r, rule, p->is->name, type, at, "%s: %s", type, what);
	f->was = xstrdup(was);
	f->is = xstrdup(is);
	free(file);
}

static void member_renamed(struct check_pair *p, const char *type,
			   const struct layout_part *a,
			   const struct layout_part *b)
{
	const char *was = part_name(&p->was->types, a);
	const char *is = part_name(&p->is->types, b);
	char *what = xasprintf("member %s is called %s now", was, is);

	found(p, RULE_MEMBER_RENAMED, type, was, is, what);
	free(what);
}

static void members_compare(struct check_pair *p, const struct layout_type *a,
			    const struct layout_type *b)
{
	const struct layout *was = &p->was->types, *is = &p->is->types;
	const char *type = layout_str(was, a->name);

	if (a->size != b->size || a->count != b->count)
		return;
	for (uint64_t i = 0; i < a->count; i++) {
		const struct layout_part *x = &was->parts[a->first + i];
		const struct layout_part *y = &is->parts[b->first + i];

		if (x->at == y->at &&
		    strcmp(part_name(was, x), part_name(is, y)) != 0 &&
		    check_same_type(was, x->type, is, y->type))
			member_renamed(p, type, x, y);
	}
}

static void renumbered(struct check_pair *p, const char *type, const char *name,
		       int64_t was, int64_t is)
{
	char *old = xasprintf("%lld", (long long)was);
	char *new = xasprintf("%lld", (long long)is);
	char *what =
	    xasprintf("enumerator %s was %s, and is %s now", name, old, new);

	found(p, RULE_ENUM_RENUMBERED, type, old, new, what);
	free(old);
	free(new);
	free(what);
}

static void extended(struct check_pair *p, const struct layout_type *a,
		     const struct layout_type *b)
{
	const struct layout *was = &p->was->types, *is = &p->is->types;

	for (uint64_t i = 0; i < b->count; i++) {
		const char *name = part_name(is, &is->parts[b->first + i]);
		char *what;

		if (enumerator(was, a, name, i))
			continue;
		what = xasprintf("enumerator %s is new", name);
		found(p, RULE_ENUM_EXTENDED, layout_str(is, b->name), "", name,
		      what);
		free(what);
		return;
	}
}

/* One finding an enum: what follows the first moves with it. */
static void enumerators_compare(struct check_pair *p,
				const struct layout_type *a,
				const struct layout_type *b)
{
	const struct layout *was = &p->was->types, *is = &p->is->types;

	for (uint64_t i = 0; i < a->count; i++) {
		const struct layout_part *x = &was->parts[a->first + i], *y;
		const char *name = part_name(was, x);

		y = enumerator(is, b, name, i);
		if (!y || x->at == y->at)
			continue;
		renumbered(p, layout_str(was, a->name), name, x->at, y->at);
		return;
	}
	extended(p, a, b);
}

static const struct layout_type *type_named(const struct layout *l,
					    const struct strmap *by_name,
					    const char *name)
{
	void *at = strmap_get(by_name, name);

	return at ? &l->types[(uintptr_t)at] : NULL;
}

static bool is_defined(const struct layout *l, uint32_t i)
{
	const struct layout_type *t = &l->types[i];

	return (t->kind == LAYOUT_STRUCT || t->kind == LAYOUT_UNION ||
		t->kind == LAYOUT_ENUM) &&
	       !(t->flags & LAYOUT_INCOMPLETE) && *layout_str(l, t->name);
}

void check_types(struct check_pair *p)
{
	const struct layout *was = &p->was->types, *is = &p->is->types;
	struct strmap by_name = {0};

	for (uint32_t i = 2; i < is->ntypes; i++)
		if (is_defined(is, i))
			strmap_put(&by_name, layout_str(is, is->types[i].name),
				   (void *)(uintptr_t)i);
	for (uint32_t i = 2; i < was->ntypes; i++) {
		const struct layout_type *a = &was->types[i], *b;

		if (!is_defined(was, i))
			continue;
		b = type_named(is, &by_name, layout_str(was, a->name));
		if (!b || b->kind != a->kind)
			continue;
		if (a->kind == LAYOUT_ENUM)
			enumerators_compare(p, a, b);
		else
			members_compare(p, a, b);
	}
	strmap_free(&by_name);
}
