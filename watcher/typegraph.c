/* SPDX-License-Identifier: MIT
 *
 * See typegraph.h. How a type that refers to itself gets a hash that depends
 * on nothing but the type:
 *
 * Every type has an *expression*, a hash in which a named struct, union or
 * enum stands for itself by kind and name, and all else is spelt out (a
 * pointer to X, 3 of X, an anonymous struct's members). A named type also has
 * a *signature*: the same, but its members spelt out by their expressions. An
 * expression therefore ends at names, and no cycle can be without a name. A
 * deep hash is an expression and the sorted set of the signatures of all named
 * types that can be reached from it.
 *
 * Rejected: hashing in the order of a walk with numbers for what was met
 * before (as abidw and BTF's dedup do it): the hash then depends on where the
 * walk entered a cycle. Rejected: unfolding to a depth: "deeply" is a promise.
 *
 * Names of integer types are left out, so long and long long are one: the
 * bytes are. Names of floating types count: long double and __float128 are
 * alike in all else. typedef, const, volatile and restrict are looked through.
 * An incomplete type has an expression and no signature.
 */
#include "watcher/typegraph.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/util.h"

struct node {
	const void *key; /* the DIE's address */
	Dwarf_Die die;   /* a named type's, until it has its signature */
	uint64_t expr;
	uint64_t sig;   /* of a named, complete type; else 0 */
	uint64_t deep;  /* once it was asked for */
	bool complete;  /* named and complete */
	uint32_t stamp; /* the search that saw it last */
	uint32_t *deps; /* nodes that its expression or signature names */
	uint32_t ndeps, capdeps;
};

struct typegraph {
	struct node *nodes;
	uint32_t n, cap;
	uint32_t *slots; /* by key: 1 + index, 0 if free; NSLOTS of them */
	uint32_t nslots;
	uint32_t signed_to; /* nodes before this one have their signature */
	uint32_t stamp;
	uint32_t *queue;
	uint64_t *sigs;
	uint32_t queue_cap;
};

/* --- mixing -------------------------------------------------------------- */

uint64_t typegraph_mix(uint64_t h, uint64_t n)
{
	return hw_checksum(h, &n, sizeof(n));
}

static uint64_t mix_name(uint64_t h, const char *s)
{
	return hw_checksum(h, s ? s : "", s ? strlen(s) + 1 : 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

uint64_t typegraph_mix_set(uint64_t h, uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || v[i] != v[i - 1])
			h = typegraph_mix(h, v[i]);
	return h ? h : 1;
}

/* --- nodes --------------------------------------------------------------- */

static uint32_t *slot_of(struct typegraph *g, const void *key)
{
	uint32_t i = (uint32_t)((uintptr_t)key * 0x9e3779b97f4a7c15ull >> 32);

	for (i &= g->nslots - 1; g->slots[i]; i = (i + 1) & (g->nslots - 1))
		if (g->nodes[g->slots[i] - 1].key == key)
			break;
	return &g->slots[i];
}

static void slots_grow(struct typegraph *g)
{
	free(g->slots);
	g->nslots = g->nslots ? g->nslots * 2 : 1024;
	g->slots = xcalloc(g->nslots, sizeof(*g->slots));
	for (uint32_t i = 0; i < g->n; i++)
		*slot_of(g, g->nodes[i].key) = i + 1;
}

static uint32_t node_new(struct typegraph *g, const void *key)
{
	if (g->n * 2 >= g->nslots)
		slots_grow(g);
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 512;
		g->nodes = xrealloc(g->nodes, g->cap * sizeof(*g->nodes));
	}
	memset(&g->nodes[g->n], 0, sizeof(*g->nodes));
	g->nodes[g->n].key = key;
	*slot_of(g, key) = g->n + 1;
	return g->n++;
}

static void node_needs(struct typegraph *g, uint32_t node, uint32_t dep)
{
	struct node *n = &g->nodes[node];

	for (uint32_t i = 0; i < n->ndeps; i++)
		if (n->deps[i] == dep)
			return;
	if (n->ndeps == n->capdeps) {
		n->capdeps = n->capdeps ? n->capdeps * 2 : 2;
		n->deps = xrealloc(n->deps, n->capdeps * sizeof(*n->deps));
	}
	n->deps[n->ndeps++] = dep;
}

/* --- attributes ---------------------------------------------------------- */

static bool has(Dwarf_Die *die, unsigned at)
{
	return dwarf_hasattr(die, at);
}

/* An attribute that is a constant; 0 if it is not there. */
static uint64_t number(Dwarf_Die *die, unsigned at)
{
	Dwarf_Attribute a;
	Dwarf_Sword s;
	Dwarf_Word u;

	if (!dwarf_attr(die, at, &a))
		return 0;
	if (dwarf_formsdata(&a, &s) == 0)
		return (uint64_t)s;
	return dwarf_formudata(&a, &u) == 0 ? u : 0;
}

/* Follows a reference; false: there is none, which means void. */
static bool follow(Dwarf_Die *die, unsigned at, Dwarf_Die *to)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, at, &a) && dwarf_formref_die(&a, to);
}

static bool is_transparent(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type ||
	       tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type;
}

/* The type of DIE behind typedefs and qualifiers; false: void. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Die unit;

	if (!follow(die, DW_AT_type, type))
		return false;
	while (is_transparent(dwarf_tag(type)))
		if (!follow(type, DW_AT_type, type))
			return false;
	if (has(type, DW_AT_signature) && follow(type, DW_AT_signature, &unit))
		*type = unit; /* it has a unit of its own */
	return true;
}

/* --- expressions and signatures ------------------------------------------ */

static uint64_t spell(struct typegraph *g, uint32_t node, Dwarf_Die *die);

static bool is_named(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return (tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
		tag == DW_TAG_class_type || tag == DW_TAG_enumeration_type) &&
	       dwarf_diename(type);
}

static uint32_t node_of(struct typegraph *g, Dwarf_Die *type)
{
	uint32_t *slot = g->nslots ? slot_of(g, type->addr) : NULL, i;
	uint64_t expr = typegraph_mix(1, (uint64_t)dwarf_tag(type));

	if (slot && *slot)
		return *slot - 1;
	i = node_new(g, type->addr);
	g->nodes[i].expr = expr; /* also what a broken, nameless cycle sees */
	if (is_named(type)) {
		g->nodes[i].expr = mix_name(expr, dwarf_diename(type));
		g->nodes[i].die = *type;
		g->nodes[i].complete = !has(type, DW_AT_declaration);
	} else {
		expr = spell(g, i, type);
		g->nodes[i].expr = expr;
	}
	return i;
}

/* The expression of DIE's type, on which NODE then depends. */
static uint64_t refer(struct typegraph *g, uint32_t node, Dwarf_Die *die)
{
	Dwarf_Die type;
	uint32_t to;

	if (!type_of(die, &type))
		return 2; /* void */
	to = node_of(g, &type);
	node_needs(g, node, to);
	return g->nodes[to].expr;
}

static uint64_t spell_member(struct typegraph *g, uint32_t node, uint64_t h,
			     Dwarf_Die *m)
{
	h = mix_name(h, dwarf_diename(m));
	h = typegraph_mix(h, number(m, DW_AT_data_member_location));
	if (has(m, DW_AT_bit_size)) {
		h = typegraph_mix(h, number(m, DW_AT_bit_size));
		h = typegraph_mix(h, number(m, DW_AT_data_bit_offset));
		h = typegraph_mix(h, number(m, DW_AT_bit_offset));
	}
	return typegraph_mix(h, refer(g, node, m));
}

static uint64_t spell_dimension(uint64_t h, Dwarf_Die *range)
{
	if (has(range, DW_AT_count))
		return typegraph_mix(h, number(range, DW_AT_count));
	if (has(range, DW_AT_upper_bound))
		return typegraph_mix(h, number(range, DW_AT_upper_bound) + 1);
	return typegraph_mix(h, UINT64_MAX); /* a flexible array */
}

/* What belongs to a type and stands below it: members, parameters ... */
static uint64_t spell_child(struct typegraph *g, uint32_t node, uint64_t h,
			    Dwarf_Die *child)
{
	switch (dwarf_tag(child)) {
	case DW_TAG_member:
		return spell_member(g, node, h, child);
	case DW_TAG_enumerator:
		h = mix_name(h, dwarf_diename(child));
		return typegraph_mix(h, number(child, DW_AT_const_value));
	case DW_TAG_subrange_type:
		return spell_dimension(h, child);
	case DW_TAG_formal_parameter:
		return typegraph_mix(h, refer(g, node, child));
	case DW_TAG_unspecified_parameters:
		return typegraph_mix(h, DW_TAG_unspecified_parameters);
	default:
		return h; /* a type that is defined inside */
	}
}

static bool is_plain_integer(Dwarf_Die *base)
{
	uint64_t encoding = number(base, DW_AT_encoding);
	const char *name = dwarf_diename(base);

	return (encoding == DW_ATE_signed || encoding == DW_ATE_unsigned ||
		encoding == DW_ATE_signed_char ||
		encoding == DW_ATE_unsigned_char ||
		encoding == DW_ATE_boolean) &&
	       !(name && starts_with(name, "_BitInt"));
}

/* DIE spelt out: the expression of a nameless type, a named one's signature. */
static uint64_t spell(struct typegraph *g, uint32_t node, Dwarf_Die *die)
{
	uint64_t h = typegraph_mix(3, (uint64_t)dwarf_tag(die));
	Dwarf_Die child;

	if (dwarf_tag(die) != DW_TAG_base_type || !is_plain_integer(die))
		h = mix_name(h, dwarf_diename(die));
	h = typegraph_mix(h, number(die, DW_AT_byte_size));
	h = typegraph_mix(h, number(die, DW_AT_encoding));
	h = typegraph_mix(h, has(die, DW_AT_GNU_vector));
	if (has(die, DW_AT_declaration)) /* of a nameless type: never seen */
		return h;
	if (dwarf_tag(die) != DW_TAG_structure_type &&
	    dwarf_tag(die) != DW_TAG_union_type)
		h = typegraph_mix(h, refer(g, node, die));
	if (dwarf_child(die, &child) != 0)
		return h;
	do
		h = spell_child(g, node, h, &child);
	while (dwarf_siblingof(&child, &child) == 0);
	return h;
}

static void sign_all(struct typegraph *g)
{
	while (g->signed_to < g->n) {
		uint32_t i = g->signed_to++;
		Dwarf_Die die = g->nodes[i].die;
		uint64_t sig;

		if (!g->nodes[i].complete)
			continue;
		sig = spell(g, i, &die); /* may move the nodes */
		g->nodes[i].sig = sig;
	}
}

/* --- the deep hash ------------------------------------------------------- */

static uint64_t search(struct typegraph *g, uint32_t root)
{
	uint32_t head = 0, tail = 0;
	size_t nsigs = 0;

	if (g->queue_cap < g->n) {
		g->queue_cap = g->n * 2;
		g->queue = xrealloc(g->queue, g->queue_cap * sizeof(*g->queue));
		g->sigs = xrealloc(g->sigs, g->queue_cap * sizeof(*g->sigs));
	}
	g->nodes[root].stamp = ++g->stamp;
	for (g->queue[tail++] = root; head < tail; head++) {
		struct node *n = &g->nodes[g->queue[head]];

		if (n->complete)
			g->sigs[nsigs++] = n->sig;
		for (uint32_t i = 0; i < n->ndeps; i++) {
			struct node *to = &g->nodes[n->deps[i]];

			if (to->stamp == g->stamp)
				continue;
			to->stamp = g->stamp;
			g->queue[tail++] = n->deps[i];
		}
	}
	return typegraph_mix_set(g->nodes[root].expr, g->sigs, nsigs);
}

uint64_t typegraph_hash(struct typegraph *g, Dwarf_Die *die)
{
	Dwarf_Die type;
	uint32_t root;

	if (!type_of(die, &type))
		return 2;
	root = node_of(g, &type);
	sign_all(g);
	if (!g->nodes[root].deep)
		g->nodes[root].deep = search(g, root);
	return g->nodes[root].deep;
}

struct typegraph *typegraph_new(void)
{
	return xcalloc(1, sizeof(struct typegraph));
}

void typegraph_free(struct typegraph *g)
{
	for (uint32_t i = 0; i < g->n; i++)
		free(g->nodes[i].deps);
	free(g->nodes);
	free(g->slots);
	free(g->queue);
	free(g->sigs);
	free(g);
}
