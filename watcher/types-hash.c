/* SPDX-License-Identifier: MIT
 *
 * How a type that refers to itself gets a hash that depends on nothing but the
 * type:
 *
 * Every type has an *expression*, a hash in which a struct, union or enum with
 * a tag stands for itself by kind and name, and all else is spelt out (a
 * pointer to X, 3 of X, an anonymous struct's members). A tagged type also has
 * a *signature*: the same, but its members spelt out by their expressions. An
 * expression therefore ends at tags, and no cycle can be without one. A deep
 * hash is an expression and the sorted set of the signatures of all tagged
 * types that can be reached from it.
 *
 * Rejected: hashing in the order of a walk with numbers for what was met
 * before (as abidw and BTF's dedup do it): the hash then depends on where the
 * walk entered a cycle. Rejected: unfolding to a depth: "deeply" is a promise.
 *
 * Names of integer types are left out, so long and long long are one: the
 * bytes are. Names of floating types count. An incomplete type has an
 * expression and no signature.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/types.h"

struct node {
	uint64_t expr; /* 0: not yet */
	uint64_t sig;  /* of a tagged, complete type; else 0 */
	uint64_t deep; /* once it was asked for */
	uint32_t stamp;
};

struct types_hash {
	const struct types *t;
	struct node *nodes;
	uint32_t stamp;
	uint32_t *queue;
	uint64_t *sigs;
};

static uint64_t mix(uint64_t h, uint64_t n)
{
	return hw_checksum(h, &n, sizeof(n));
}

static uint64_t mix_name(uint64_t h, const struct types *t, uint32_t name)
{
	const char *s = t->strings.s + name;

	return hw_checksum(h, s, strlen(s) + 1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

uint64_t types_hash_set(uint64_t *v, size_t n)
{
	uint64_t h = 0;

	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || v[i] != v[i - 1])
			h = mix(h, v[i]);
	return h ? h : 1;
}

/* --- expressions and signatures ------------------------------------------- */

static bool has_parts(const struct layout_type *type)
{
	return type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION ||
	       type->kind == LAYOUT_ENUM || type->kind == LAYOUT_FUNCTION;
}

static bool is_tagged(const struct types *t, const struct layout_type *type)
{
	return has_parts(type) && type->kind != LAYOUT_FUNCTION &&
	       t->strings.s[type->name] && !(type->flags & LAYOUT_TYPEDEF);
}

static uint64_t expression(struct types_hash *h, uint32_t type);

/* The type spelt out: an untagged one's expression, a tagged one's signature */
static uint64_t spell(struct types_hash *h, uint32_t i)
{
	const struct layout_type *type = &h->t->types[i];
	const struct layout_part *p = h->t->parts + type->first;
	uint64_t hash = mix(3, type->kind);

	if (type->kind != LAYOUT_INT && type->kind != LAYOUT_FUNCTION &&
	    !(type->flags & LAYOUT_TYPEDEF))
		hash = mix_name(hash, h->t, type->name);
	hash = mix(hash, type->flags & ~(uint32_t)LAYOUT_TYPEDEF);
	hash = mix(mix(hash, type->size), type->count);
	if (type->to)
		hash = mix(hash, expression(h, type->to));
	for (uint64_t k = 0; has_parts(type) && k < type->count; k++) {
		if (type->kind != LAYOUT_FUNCTION)
			hash = mix_name(hash, h->t, p[k].name);
		hash = mix(hash, (uint64_t)p[k].at);
		hash = mix(hash, expression(h, p[k].type));
	}
	return hash;
}

static uint64_t expression(struct types_hash *h, uint32_t i)
{
	const struct layout_type *type = &h->t->types[i];
	uint64_t expr = mix(1, type->kind);

	if (h->nodes[i].expr)
		return h->nodes[i].expr;
	h->nodes[i].expr = expr; /* also what a broken, nameless cycle sees */
	h->nodes[i].expr = is_tagged(h->t, type)
			       ? mix_name(expr, h->t, type->name)
			       : spell(h, i);
	return h->nodes[i].expr;
}

/* --- the deep hash -------------------------------------------------------- */

static void reach(struct types_hash *h, uint32_t type, uint32_t *tail)
{
	if (h->nodes[type].stamp == h->stamp)
		return;
	h->nodes[type].stamp = h->stamp;
	h->queue[(*tail)++] = type;
}

/* DEEP: what pointers lead to as well. */
static uint64_t search(struct types_hash *h, uint32_t root, bool deep)
{
	const struct types *t = h->t;
	uint32_t tail = 0;
	size_t nsigs = 0;

	h->stamp++;
	reach(h, root, &tail);
	for (uint32_t head = 0; head < tail; head++) {
		uint32_t i = h->queue[head];
		const struct layout_type *type = &t->types[i];

		if (h->nodes[i].sig)
			h->sigs[nsigs++] = h->nodes[i].sig;
		if (!deep && (type->kind == LAYOUT_POINTER ||
			      type->kind == LAYOUT_FUNCTION))
			continue;
		reach(h, type->to, &tail);
		for (uint64_t k = 0; has_parts(type) && k < type->count; k++)
			reach(h, t->parts[type->first + k].type, &tail);
	}
	return mix(h->nodes[root].expr, types_hash_set(h->sigs, nsigs));
}

uint64_t types_hash_deep(struct types_hash *h, uint32_t type)
{
	struct node *n = &h->nodes[type];

	if (!n->deep)
		n->deep = search(h, type, true) | 1;
	return n->deep;
}

uint64_t types_hash_own(struct types_hash *h, uint32_t type)
{
	return search(h, type, false) | 1;
}

struct types_hash *types_hash_new(const struct types *t)
{
	struct types_hash *h = xcalloc(1, sizeof(*h));

	h->t = t;
	h->nodes = xcalloc(t->n, sizeof(*h->nodes));
	h->queue = xcalloc(t->n, sizeof(*h->queue));
	h->sigs = xcalloc(t->n, sizeof(*h->sigs));
	for (uint32_t i = 0; i < t->n; i++) {
		expression(h, i);
		if (is_tagged(t, &t->types[i]) &&
		    !(t->types[i].flags & LAYOUT_INCOMPLETE))
			h->nodes[i].sig = spell(h, i);
	}
	return h;
}

void types_hash_free(struct types_hash *h)
{
	if (!h)
		return;
	free(h->nodes);
	free(h->queue);
	free(h->sigs);
	free(h);
}
