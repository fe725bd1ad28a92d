/* SPDX-License-Identifier: MIT
 *
 * See typehash.h: finds the variables that are asked for in the debug
 * information; typegraph.c hashes their types.
 *
 * A variable is known by its address, which is in its location expression.
 * Not by name: two functions may each have a static "count". An emulated
 * thread-local's location is an empty expression, so it goes by the name of
 * its control object, which for a function-local one is FUNCTION.VARIABLE with
 * perhaps a number behind; where that leaves several candidates, the hash is
 * that of the set of their types. clang 19 puts the statics of a function that
 * is only inlined below a function without a name (seen); such a finding is
 * vague, and counts if there is no better one.
 *
 * A variable may be described more than once (abstract and inlined instances
 * of its function), differently with each body edit around it; so findings
 * are a set as well.
 */
#include "watcher/typehash.h"

#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/typegraph.h"
#include "watcher/util.h"

struct finding {
	size_t var;
	bool vague;
	uint64_t hash;
};

struct search {
	struct typegraph *graph;
	struct typehash_var **by_addr; /* those with one, in its order */
	struct typehash_var **by_name; /* the others */
	size_t naddr, nname;
	struct typehash_var *vars;
	struct finding *found;
	size_t nfound, cap;
};

static void found(struct search *s, const struct typehash_var *v, bool vague,
		  Dwarf_Die *die)
{
	if (s->nfound == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->found = xrealloc(s->found, s->cap * sizeof(*s->found));
	}
	s->found[s->nfound].var = (size_t)(v - s->vars);
	s->found[s->nfound].vague = vague;
	s->found[s->nfound].hash = typegraph_hash(s->graph, die);
	s->nfound++;
}

/* --- one variable of the debug information ------------------------------- */

static int compare_addr(const void *a, const void *b)
{
	uint64_t x = (*(struct typehash_var *const *)a)->addr;
	uint64_t y = (*(struct typehash_var *const *)b)->addr;

	return (x > y) - (x < y);
}

static void match_addr(struct search *s, uint64_t addr, Dwarf_Die *die)
{
	size_t lo = 0, hi = s->naddr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->by_addr[mid]->addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->naddr && s->by_addr[lo]->addr == addr; lo++)
		found(s, s->by_addr[lo], false, die);
}

/*
 * ASKED is NAME; or, inside the function FUNC, FUNC.NAME or FUNC.NAME.7, with
 * any FUNC if its name is not known ("").
 */
static bool name_fits(const char *asked, const char *func, const char *name)
{
	size_t n;

	if (!func)
		return strcmp(asked, name) == 0;
	n = *func ? strlen(func) : strcspn(asked, ".");
	if (strncmp(asked, func, *func ? n : 0) != 0 || asked[n] != '.')
		return false;
	asked += n + 1;
	n = strlen(name);
	return strncmp(asked, name, n) == 0 &&
	       (asked[n] == '\0' || asked[n] == '.');
}

static void match_name(struct search *s, const char *func, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	for (size_t i = 0; name && i < s->nname; i++)
		if (name_fits(s->by_name[i]->name, func, name))
			found(s, s->by_name[i], func && !*func, die);
}

/* 1 and the address in a location's first operation; 0: it has none. */
static int address_of(Dwarf_Attribute *a, Dwarf_Op *op, uint64_t *addr)
{
	Dwarf_Attribute target;
	Dwarf_Addr value;

	if (op->atom == DW_OP_addr) {
		*addr = op->number;
		return 1;
	}
	if (op->atom != DW_OP_addrx && op->atom != DW_OP_GNU_addr_index)
		return 0;
	if (dwarf_getlocation_attr(a, op, &target) != 0 ||
	    dwarf_formaddr(&target, &value) != 0)
		return 0;
	*addr = value;
	return 1;
}

static void variable(struct search *s, const char *func, Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Block block;
	Dwarf_Op *ops;
	size_t n;
	uint64_t addr;

	if (!dwarf_attr(die, DW_AT_location, &a) ||
	    dwarf_formblock(&a, &block) != 0)
		return; /* a list of locations: it lives in registers */
	if (block.length == 0) {
		match_name(s, func, die);
		return;
	}
	if (dwarf_getlocation(&a, &ops, &n) != 0 || n == 0 ||
	    !address_of(&a, &ops[0], &addr))
		return;
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst)
		addr += ops[1].number;
	else if (n > 1) /* a piece of one, a thread-local's offset */
		return;
	match_addr(s, addr, die);
}

/* --- all of them --------------------------------------------------------- */

/* Visits what lies below DIE, which is in FUNC (NULL: in none; "": in one
 * without a name). */
static void walk(struct search *s, const char *func, Dwarf_Die *die)
{
	const char *name;
	Dwarf_Die child;

	if (dwarf_child(die, &child) != 0)
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
			variable(s, func, &child);
			break;
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
			name = dwarf_diename(&child);
			walk(s, name ? name : "", &child);
			break;
		case DW_TAG_lexical_block:
			walk(s, func, &child);
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void walk_units(struct search *s, Dwarf *dbg)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t kind;

	while (dwarf_get_units(dbg, cu, &cu, NULL, &kind, &die, &split) == 0) {
		if (kind == DW_UT_skeleton && dwarf_tag(&split) > 0)
			walk(s, NULL, &split);
		else if (kind != DW_UT_type)
			walk(s, NULL, &die);
	}
}

static int compare_finding(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->var != y->var)
		return x->var < y->var ? -1 : 1;
	return (int)x->vague - (int)y->vague;
}

/* The hash of each variable, from the set of its best findings. */
static void fill(struct search *s)
{
	struct finding *f = s->found, *end, *first;
	uint64_t *set;
	size_t n;

	if (s->nfound == 0)
		return;
	qsort(f, s->nfound, sizeof(*f), compare_finding);
	set = xcalloc(s->nfound, sizeof(*set));
	end = f + s->nfound;
	while (f < end) {
		first = f;
		for (n = 0; f < end && f->var == first->var; f++)
			if (f->vague == first->vague)
				set[n++] = f->hash;
		s->vars[first->var].hash = typegraph_mix_set(0, set, n);
	}
	free(set);
}

static void search_begin(struct search *s, struct typehash_var *v, size_t n)
{
	memset(s, 0, sizeof(*s));
	s->graph = typegraph_new();
	s->vars = v;
	s->by_addr = xcalloc(n, sizeof(struct typehash_var *));
	s->by_name = xcalloc(n, sizeof(struct typehash_var *));
	for (size_t i = 0; i < n; i++) {
		v[i].hash = 0;
		if (v[i].addr)
			s->by_addr[s->naddr++] = &v[i];
		else if (v[i].name)
			s->by_name[s->nname++] = &v[i];
	}
	qsort(s->by_addr, s->naddr, sizeof(struct typehash_var *),
	      compare_addr);
}

static void search_end(struct search *s)
{
	typegraph_free(s->graph);
	free(s->by_addr);
	free(s->by_name);
	free(s->found);
}

int typehash_vars(const char *path, struct typehash_var *v, size_t n,
		  char **err)
{
	struct search s;
	Dwarf *dbg;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, "cannot read the types of %s: %s", path,
			    strerror(errno));
	search_begin(&s, v, n);
	dbg = dwarf_begin(fd, DWARF_C_READ); /* NULL: no debug information */
	if (dbg) {
		walk_units(&s, dbg);
		fill(&s);
		dwarf_end(dbg);
	}
	search_end(&s);
	close(fd);
	return 0;
}
