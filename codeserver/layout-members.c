/* SPDX-License-Identifier: MIT
 *
 * Members of a struct or union, matched by their names: see layout-plan.c.
 *
 * Members of anonymous structs and unions are looked through, as C does. Only a
 * union whose members are the same on both sides can be moved, whole: nothing
 * says which of them is alive.
 */
#include <string.h>

#include "codeserver/layout-steps.h"

static bool is_anonymous(const struct layout *l, const struct layout_part *m)
{
	return !*layout_str(l, m->name) && !LAYOUT_WIDTH(m->at) &&
	       (l->types[m->type].kind == LAYOUT_STRUCT ||
		l->types[m->type].kind == LAYOUT_UNION);
}

static struct plan_place member_place(struct plan_place in,
				      const struct layout_part *m)
{
	return (struct plan_place){.type = m->type,
				   .bit = in.bit + LAYOUT_BIT(m->at),
				   .width = LAYOUT_WIDTH(m->at)};
}

/* Looks in IN for the member NAME, first where HINT says; *HINT then is the
 * place behind it. */
static bool member_find(struct plan *p, const struct layout *l,
			struct plan_place in, const char *name, uint64_t *hint,
			struct plan_place *found)
{
	const struct layout_type *t = &l->types[in.type];
	uint64_t none = 0;

	for (uint64_t k = 0; k < t->count; k++) {
		uint64_t i = (*hint + k) % t->count;
		const struct layout_part *m = &l->parts[t->first + i];
		struct plan_place at = member_place(in, m);

		if (!plan_spend(&p->budget, 1))
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

/* The anonymous union in the struct IN that has a member NAME. */
static bool union_find(struct plan *p, struct plan_place in, const char *name,
		       struct plan_place *found)
{
	const struct layout *l = p->is;
	const struct layout_type *t = &l->types[in.type];
	struct plan_place ignored;
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &l->parts[t->first + i];
		struct plan_place at = member_place(in, m);

		if (!is_anonymous(l, m))
			continue;
		if (l->types[m->type].kind == LAYOUT_STRUCT) {
			if (plan_spend(&p->budget, 1) &&
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
static int lacking_note(struct plan *p, const struct layout *l,
			struct plan_place in, const struct layout *m,
			struct plan_place other, struct plan_names *names,
			uint32_t node)
{
	const struct layout_type *t = &l->types[in.type];
	struct plan_place found;
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *part = &l->parts[t->first + i];
		const char *name = layout_str(l, part->name);

		if (!plan_spend(&p->budget, 1))
			return plan_too_many(p, node);
		if (is_anonymous(l, part)) {
			if (lacking_note(p, l, member_place(in, part), m, other,
					 names, node) < 0)
				return -1;
		} else if (!member_find(p, m, other, name, &hint, &found) &&
			   plan_name_note(p, names, node, name) < 0) {
			return -1;
		}
	}
	return 0;
}

static int pair_anonymous(struct plan *p, struct plan_place a,
			  struct plan_place b, uint32_t node);

/* Moves what IN, B's struct or an anonymous one in it, has of the old one. */
static int members_pair(struct plan *p, struct plan_place in,
			struct plan_place b, uint32_t node)
{
	const struct layout_type *t = &p->was->types[in.type];
	uint64_t hint = 0;

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &p->was->parts[t->first + i];
		const char *name = layout_str(p->was, m->name);
		struct plan_place from = member_place(in, m), to;
		uint32_t sub;

		if (!plan_spend(&p->budget, 1))
			return plan_too_many(p, node);
		if (is_anonymous(p->was, m)) {
			if (pair_anonymous(p, from, b, node) < 0)
				return -1;
			continue;
		}
		if (!member_find(p, p->is, b, name, &hint, &to))
			continue;
		sub = plan_node_add(p, node, name);
		if (sub == UINT32_MAX)
			return plan_no_memory(p);
		if (plan_pair(p, from, to, sub) < 0)
			return -1;
	}
	return 0;
}

/* A union that is looked through: for its members' names a union is looked
 * for. 1: it is there, and was moved; 0: the new struct has none of them. */
static int union_pair(struct plan *p, struct plan_place whole, uint32_t part,
		      struct plan_place b, uint32_t node)
{
	const struct layout_type *t = &p->was->types[part];
	struct plan_place to;
	uint64_t hint = 0;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < t->count; i++) {
		const struct layout_part *m = &p->was->parts[t->first + i];
		const char *name = layout_str(p->was, m->name);

		if (!plan_spend(&p->budget, 1))
			return plan_too_many(p, node);
		if (is_anonymous(p->was, m))
			r = union_pair(p, whole, m->type, b, node);
		else if (union_find(p, b, name, &to))
			r = plan_pair_unions(p, whole, to,
					     plan_node_add(p, node, name)) < 0
				? -1
				: 1;
		else if (member_find(p, p->is, b, name, &hint, &to))
			r = plan_refuse(
			    p, plan_node_add(p, node, name),
			    "it left its union, and nothing says which "
			    "member of that was in use");
	}
	return r;
}

static int pair_anonymous(struct plan *p, struct plan_place a,
			  struct plan_place b, uint32_t node)
{
	if (p->was->types[a.type].kind == LAYOUT_STRUCT)
		return members_pair(p, a, b, node);
	return union_pair(p, a, a.type, b, node) < 0 ? -1 : 0;
}

int plan_pair_structs(struct plan *p, struct plan_place a, struct plan_place b,
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
static bool union_same(struct plan *p, struct plan_place a, struct plan_place b)
{
	struct plan sub = {.was = p->was,
			   .is = p->is,
			   .same = true,
			   .budget = p->budget};
	const struct layout_type *x = &p->was->types[a.type];
	const struct layout_type *y = &p->is->types[b.type];
	struct plan_place from = {.type = a.type}, to = {.type = b.type};
	bool same = x->size == y->size && x->count == y->count &&
		    plan_node_add(&sub, 0, NULL) == 0;

	same = same && plan_pair_structs(&sub, from, to, 0) == 0 && sub.same;
	p->budget = sub.budget;
	plan_free(&sub);
	return same;
}

int plan_pair_unions(struct plan *p, struct plan_place a, struct plan_place b,
		     uint32_t node)
{
	if (node == UINT32_MAX)
		return plan_no_memory(p);
	if (!union_same(p, a, b))
		return plan_refuse(
		    p, node,
		    "its union changed, and nothing says which of "
		    "the members is in use");
	return plan_leaf_add(p, PLAN_BYTES, false, a, b, node);
}
