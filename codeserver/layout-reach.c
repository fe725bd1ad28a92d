/* SPDX-License-Identifier: MIT
 *
 * What pointers lead to: see layout.h. A search through the old types, breadth
 * first, so the first type that changed is the nearest; with each goes the new
 * type that is in the same place, if that place is still there. A struct, union
 * or enum is compared with the new one of its name, wherever that is used, and
 * with what is in its place, if that has another name. What has no name has
 * only its place.
 *
 * Variables come first, then parameters and results, then locals, then casts:
 * each search goes on where the one before ended, so a path from a variable is
 * told if there is one, because that says best which data is meant.
 *
 * The heap is not looked at: which bytes there are of which type nobody knows.
 * So a type is refused as soon as something could point to one, and a
 * code_change is for who knows better.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/layout-reach.h"

/* --- new types by name ---------------------------------------------------- */

bool reach_tagged(const struct layout *l, uint32_t type)
{
	const struct layout_type *t = &l->types[type];

	return (t->kind == LAYOUT_STRUCT || t->kind == LAYOUT_UNION ||
		t->kind == LAYOUT_ENUM) &&
	       *layout_str(l, t->name);
}

static uint32_t hash_name(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The slot of NAME: of a type of that name, or a free one. */
static uint32_t *name_slot(struct reach *r, const char *name)
{
	uint32_t i = hash_name(name) & (r->nnamed - 1);

	while (r->named[i] &&
	       strcmp(layout_str(r->is, r->is->types[r->named[i]].name), name))
		i = (i + 1) & (r->nnamed - 1);
	return &r->named[i];
}

/* Of several of one name a complete one. */
static int names_index(struct reach *r)
{
	r->nnamed = 64;
	while (r->nnamed < r->is->ntypes * 2)
		r->nnamed *= 2;
	r->named = calloc(r->nnamed, sizeof(*r->named));
	if (!r->named)
		return -1;
	for (uint32_t i = 2; i < r->is->ntypes; i++) {
		uint32_t *slot;

		if (!reach_tagged(r->is, i))
			continue;
		slot = name_slot(r, layout_str(r->is, r->is->types[i].name));
		if (!*slot || r->is->types[*slot].flags & LAYOUT_INCOMPLETE)
			*slot = i;
	}
	return 0;
}

/* --- the queue ------------------------------------------------------------ */

static bool same_node(const struct reach_node *a, const struct reach_node *b)
{
	return a->was == b->was && a->is == b->is && a->behind == b->behind &&
	       a->within == b->within;
}

static uint32_t *seen_slot(struct reach *r, const struct reach_node *n)
{
	uint64_t h = ((uint64_t)n->was << 32 | n->is << 1 | n->behind) *
		     0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 32) & (r->nseen - 1);

	while (r->seen[i] && !same_node(&r->nodes[r->seen[i] - 1], n))
		i = (i + 1) & (r->nseen - 1);
	return &r->seen[i];
}

static int queue_grow(struct reach *r)
{
	uint32_t cap = r->cap ? r->cap * 2 : 1024;
	void *nodes = realloc(r->nodes, cap * sizeof(*r->nodes));
	uint32_t *seen = calloc(cap * 2, sizeof(*seen));

	if (nodes)
		r->nodes = nodes;
	if (!nodes || !seen) {
		free(seen);
		return -1;
	}
	free(r->seen);
	r->seen = seen;
	r->nseen = cap * 2;
	r->cap = cap;
	for (uint32_t i = 0; i < r->n; i++)
		*seen_slot(r, &r->nodes[i]) = i + 1;
	return 0;
}

static void push_pair(struct reach *r, struct reach_node n)
{
	uint32_t *slot;

	if (n.was < 2 || r->no_memory)
		return;
	if (--r->budget == 0 || (r->n == r->cap && queue_grow(r) < 0)) {
		r->no_memory = true;
		return;
	}
	slot = seen_slot(r, &n);
	if (*slot)
		return;
	r->nodes[r->n++] = n;
	*slot = r->n;
}

/* N with what is in its place; and, if it has a name, with the new type of
 * that name. */
static void push(struct reach *r, struct reach_node n)
{
	uint32_t place = n.is;

	if (!reach_tagged(r->was, n.was)) {
		push_pair(r, n);
		return;
	}
	n.is = *name_slot(r, layout_str(r->was, r->was->types[n.was].name));
	push_pair(r, n);
	/* A single byte is any type's. */
	if (place < 2 || place == n.is || n.within ||
	    (r->is->types[place].kind == LAYOUT_INT &&
	     r->is->types[place].size == 1))
		return;
	n.is = place;
	push_pair(r, n);
}

/* --- what leads on -------------------------------------------------------- */

/* The new member of the name NAME, also in what is anonymous. */
static uint32_t member_now(struct reach *r, uint32_t type, const char *name,
			   uint64_t hint, int depth)
{
	const struct layout *l = r->is;
	const struct layout_type *t = &l->types[type];
	uint32_t found = LAYOUT_UNKNOWN;

	if (t->kind != LAYOUT_STRUCT && t->kind != LAYOUT_UNION)
		return LAYOUT_UNKNOWN;
	for (uint64_t k = 0; !found && k < t->count && !r->no_memory; k++) {
		const struct layout_part *m =
		    &l->parts[t->first + (hint + k) % t->count];

		r->no_memory = --r->budget == 0;
		if (!strcmp(layout_str(l, m->name), name))
			found = m->type;
		else if (!*layout_str(l, m->name) && depth < 4)
			found = member_now(r, m->type, name, hint, depth + 1);
	}
	return found;
}

static void members_push(struct reach *r, uint32_t at)
{
	struct reach_node n = r->nodes[at];
	const struct layout_type *t = &r->was->types[n.was];

	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *m = &r->was->parts[t->first + i];
		const char *name = layout_str(r->was, m->name);

		/* Of what is anonymous the members are found in the whole. */
		push(r,
		     (struct reach_node){
			 .was = m->type,
			 .is = *name ? member_now(r, n.is, name, i, 0) : n.is,
			 .up = at,
			 .step = STEP_MEMBER,
			 .behind = n.behind,
			 .within = !*name && !reach_tagged(r->was, m->type),
			 .name = name});
	}
}

static bool of_kind(const struct layout *l, uint32_t type, uint8_t kind)
{
	return l->types[type].kind == kind;
}

static void function_push(struct reach *r, uint32_t at)
{
	struct reach_node n = r->nodes[at];
	const struct layout_type *t = &r->was->types[n.was];
	const struct layout_type *u = &r->is->types[n.is];
	bool both = u->kind == LAYOUT_FUNCTION && u->count == t->count;

	push(r, (struct reach_node){.was = t->to,
				    .is = both ? u->to : LAYOUT_UNKNOWN,
				    .up = at,
				    .step = STEP_RESULT});
	for (uint64_t i = 0; i < t->count; i++)
		push(r, (struct reach_node){
			    .was = r->was->parts[t->first + i].type,
			    .is = both ? r->is->parts[u->first + i].type
				       : LAYOUT_UNKNOWN,
			    .up = at,
			    .step = STEP_PARAMETER});
}

/* What the node AT leads to. */
static void follow(struct reach *r, uint32_t at)
{
	struct reach_node n = r->nodes[at];
	const struct layout_type *t = &r->was->types[n.was];
	bool alike = of_kind(r->is, n.is, t->kind);

	switch (t->kind) {
	case LAYOUT_POINTER:
	case LAYOUT_ARRAY:
		push(r,
		     (struct reach_node){
			 .was = t->to,
			 .is = alike ? r->is->types[n.is].to : LAYOUT_UNKNOWN,
			 .up = at,
			 .step = t->kind == LAYOUT_POINTER ? STEP_TARGET
							   : STEP_ELEMENT,
			 .behind = n.behind || t->kind == LAYOUT_POINTER});
		break;
	case LAYOUT_STRUCT:
	case LAYOUT_UNION:
		members_push(r, at);
		break;
	case LAYOUT_FUNCTION:
		function_push(r, at);
		break;
	}
}

/* --- the search ----------------------------------------------------------- */

/* What nobody finds, so nobody converts, and is another type now. */
static bool node_differs(struct reach *r, uint32_t at,
			 struct layout_reached *out)
{
	struct reach_node n = r->nodes[at];
	char what[250];

	if (!n.behind || n.within || n.is < 2)
		return false;
	r->differ.text = what;
	r->differ.size = sizeof(what);
	if (!layout_differs(&r->differ, n.was, n.is))
		return false;
	r->no_memory = r->no_memory || r->differ.no_memory;
	reach_tell(r, at, what, out);
	return true;
}

static int search(struct reach *r, struct layout_reached *out)
{
	for (; r->head < r->n && !r->no_memory; r->head++) {
		if (node_differs(r, r->head, out))
			return r->no_memory ? -1 : 1;
		follow(r, r->head);
	}
	return r->no_memory ? -1 : 0;
}

static const char *plain_name(const char *id)
{
	const char *colon = strrchr(id, ':');

	return colon ? colon + 1 : id;
}

static void variables_push(struct reach *r, char (*names)[120])
{
	for (uint32_t i = 0; i < r->was->nvars; i++) {
		const struct layout_var *v = &r->was->vars[i], *now;

		now = layout_var(r->is, layout_str(r->was, v->id));
		layout_var_root(r->was, v, names[i], sizeof(names[i]));
		push(r,
		     (struct reach_node){.was = v->type,
					 .is = now ? now->type : LAYOUT_UNKNOWN,
					 .step = STEP_VARIABLE,
					 .name = names[i],
					 .id = layout_str(r->was, v->id)});
	}
}

static void function_roots(struct reach *r, const struct layout_func *f)
{
	const char *id = layout_str(r->was, f->id);
	const struct layout_func *now = layout_func(r->is, id);
	const struct layout_type *t = &r->was->types[f->type], *u;
	bool both;

	if (f->type == LAYOUT_UNKNOWN)
		return;
	u = &r->is->types[now ? now->type : LAYOUT_UNKNOWN];
	both = u->kind == LAYOUT_FUNCTION && u->count == t->count;
	push(r, (struct reach_node){.was = t->to,
				    .is = both ? u->to : LAYOUT_UNKNOWN,
				    .step = STEP_FUNCTION,
				    .func = plain_name(id),
				    .id = id});
	for (uint64_t i = 0; i < t->count; i++) {
		const struct layout_part *p = &r->was->parts[t->first + i];

		push(r, (struct reach_node){
			    .was = p->type,
			    .is = both ? r->is->parts[u->first + i].type
				       : LAYOUT_UNKNOWN,
			    .step = STEP_LOCAL,
			    .name = layout_str(r->was, p->name),
			    .func = plain_name(id),
			    .id = id,
			    .nth = (uint32_t)i + 1});
	}
}

static void locals_push(struct reach *r, bool casts)
{
	for (uint32_t i = 0; i < r->was->nlocals; i++) {
		const struct layout_local *l = &r->was->locals[i];
		const char *func = layout_str(r->was, l->func);

		if (casts == !*func)
			push(r, (struct reach_node){.was = l->type,
						    .step = casts ? STEP_CAST
								  : STEP_LOCAL,
						    .name = layout_str(r->was,
								       l->name),
						    .func = func,
						    .id = func});
	}
}

static int search_all(struct reach *r, char (*names)[120],
		      struct layout_reached *out)
{
	int found;

	variables_push(r, names);
	found = search(r, out);
	for (uint32_t i = 0; found == 0 && i < r->was->nfuncs; i++)
		function_roots(r, &r->was->funcs[i]);
	for (int casts = 0; casts < 2; casts++) {
		if (found == 0)
			found = search(r, out);
		if (found == 0)
			locals_push(r, casts);
	}
	return found ? found : search(r, out);
}

int layout_reach(const struct layout *was, const struct layout *is,
		 struct layout_reached *out)
{
	struct reach r = {.was = was,
			  .is = is,
			  .differ = {.was = was, .is = is},
			  .budget = 1u << 28};
	char(*names)[120] = calloc(was->nvars + 1, sizeof(*names));
	int found = -1;

	if (names && names_index(&r) == 0)
		found = search_all(&r, names, out);
	layout_differ_free(&r.differ);
	free(names);
	free(r.nodes);
	free(r.seen);
	free(r.named);
	return found;
}
