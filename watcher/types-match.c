/* SPDX-License-Identifier: MIT
 *
 * Which debugging entry is about which variable or function.
 *
 * A variable is known by its address, which is in its location expression.
 * Not by name: two functions may each have a static "count". An emulated
 * thread-local's location is an empty expression, so it goes by the name of
 * its control object, which for a function-local one is FUNCTION.VARIABLE,
 * with a number behind if there are several in the function. The compiler
 * counts them as it meets them, so of several candidates the one is meant that
 * stands as far down as the number says; where that does not come out, the
 * type is not known, and the hash is that of the set of their types. clang 19
 * puts the statics of a function that is only inlined below a function without
 * a name (seen); such a finding is vague, and counts if there is no better
 * one.
 *
 * A variable may be described more than once (abstract and inlined instances
 * of its function), differently with each body edit around it; so findings
 * are a set.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/types-find.h"

/* --- variables ------------------------------------------------------------ */

/* Of the unit's own file, 0, the name is at hand; for another one libdw would
 * read all line numbers first, which only a variable is worth. */
/* NAME, which may be relative to where the unit was compiled. */
static uint32_t file_string(struct types_search *s, const char *name)
{
	Dwarf_Attribute a;
	const char *dir;
	uint32_t at;
	char *path;

	dir = dwarf_formstring(dwarf_attr(s->unit, DW_AT_comp_dir, &a));
	path = path_absolute(dir ? dir : "/", name);
	at = types_string(&s->t, path);
	free(path);
	return at;
}

/* The list of files is read for variables only: that of a large unit takes
 * milliseconds, and functions are in the unit's own file, but for inline ones.
 * What was compiled as ./x.c is in a file x.c. */
uint32_t types_file(struct types_search *s, Dwarf_Die *die)
{
	const char *unit = dwarf_diename(s->unit), *name = unit;

	if (types_number(die, DW_AT_decl_file) || !unit)
		name = dwarf_tag(die) == DW_TAG_variable ||
			       (unit && starts_with(unit, "./"))
			   ? dwarf_decl_file(die)
			   : NULL;
	return name ? file_string(s, name) : types_string(&s->t, "");
}

static void found(struct types_search *s, const struct types_var *v, bool vague,
		  Dwarf_Die *die)
{
	if (s->nfound == s->capfound) {
		s->capfound *= 2;
		s->found = xrealloc(s->found, s->capfound * sizeof(*s->found));
	}
	s->found[s->nfound++] = (struct types_finding){
	    .var = (size_t)(v - s->vars),
	    .vague = vague,
	    .type = types_of(&s->t, die),
	    .spelt = types_spelt(&s->t, die),
	    .file = types_file(s, die),
	    .line = (uint32_t)types_number(die, DW_AT_decl_line)};
}

/* A variable of a section that is taken as a whole is a member of it. */
static void match_section(struct types_search *s, uint64_t addr, Dwarf_Die *die)
{
	for (size_t i = 0; i < s->nvars; i++) {
		struct types_var *v = &s->vars[i];

		if (!v->section || addr - v->addr >= v->size)
			continue;
		found(s, v, false, die);
		s->found[s->nfound - 1].offset = addr - v->addr;
		s->found[s->nfound - 1].name =
		    types_string(&s->t, dwarf_diename(die));
	}
}

static int compare_addr(const void *a, const void *b)
{
	uint64_t x = (*(struct types_var *const *)a)->addr;
	uint64_t y = (*(struct types_var *const *)b)->addr;

	return (x > y) - (x < y);
}

static void match_addr(struct types_search *s, uint64_t addr, Dwarf_Die *die)
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

static void match_name(struct types_search *s, const char *func, Dwarf_Die *die)
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

void types_match_var(struct types_search *s, const char *func, Dwarf_Die *die)
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
	if (block.data[0] != DW_OP_addr && block.data[0] != DW_OP_addrx &&
	    block.data[0] != DW_OP_GNU_addr_index)
		return; /* nearly all: a place in a frame */
	if (dwarf_getlocation(&a, &ops, &n) != 0 || n == 0 ||
	    !address_of(&a, &ops[0], &addr))
		return;
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst)
		addr += ops[1].number;
	else if (n > 1) /* a piece of one, a thread-local's offset */
		return;
	match_addr(s, addr, die);
	if (s->sections)
		match_section(s, addr, die);
}

/* --- functions ------------------------------------------------------------ */

static int compare_func(const void *a, const void *b, void *arg)
{
	const struct layout_func *f = arg;
	uint64_t x = f[*(const uint32_t *)a].addr;
	uint64_t y = f[*(const uint32_t *)b].addr;

	return (x > y) - (x < y);
}

/* In funcs_by_addr: the first that is not below ADDR. */
static uint32_t func_from(const struct types_search *s, uint64_t addr)
{
	uint32_t lo = 0, hi = s->uses->nfuncs;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (s->uses->funcs[s->funcs_by_addr[mid]].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct types_func *types_match_func(struct types_search *s, uint64_t addr)
{
	uint32_t i = func_from(s, addr);

	if (i == s->uses->nfuncs ||
	    s->uses->funcs[s->funcs_by_addr[i]].addr != addr)
		return NULL;
	return &s->funcs[s->funcs_by_addr[i]];
}

void types_match_alike(struct types_search *s, const struct types_func *f,
		       uint64_t addr)
{
	const struct layout_func *all = s->uses->funcs;

	for (uint32_t i = func_from(s, addr);
	     i < s->uses->nfuncs && all[s->funcs_by_addr[i]].addr == addr; i++)
		s->funcs[s->funcs_by_addr[i]] = *f;
}

/* --- which findings count ------------------------------------------------- */

static int compare_finding(const void *a, const void *b)
{
	const struct types_finding *x = a, *y = b;

	if (x->var != y->var)
		return x->var < y->var ? -1 : 1;
	if (x->vague != y->vague)
		return (int)x->vague - (int)y->vague;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* "f.count.12" is "f.count" and 12. */
static size_t stem_of(const char *name, unsigned long *number)
{
	const char *dot = strrchr(name, '.');
	char *end;

	*number = 0;
	if (!dot || dot[1] < '0' || dot[1] > '9')
		return strlen(name);
	*number = strtoul(dot + 1, &end, 10);
	return *end ? strlen(name) : (size_t)(dot - name);
}

/* How many of V's name there are (the number apart), and how many before V. */
static void alike_count(const struct types_search *s, const struct types_var *v,
			size_t *all, size_t *before)
{
	unsigned long mine, other;
	size_t n = stem_of(v->name, &mine);

	*all = *before = 0;
	for (size_t i = 0; i < s->nname; i++) {
		const char *name = s->by_name[i]->name;

		if (stem_of(name, &other) != n || strncmp(name, v->name, n))
			continue;
		++*all;
		*before += other < mine;
	}
}

/* Of N findings in the order of their lines the one that V is; NULL: any of
 * several. */
static const struct types_finding *choose(const struct types_search *s,
					  const struct types_var *v,
					  const struct types_finding *f,
					  size_t n)
{
	size_t lines = 1, all, before, line = 0;
	bool same = true;

	for (size_t i = 1; i < n; i++) {
		same = same && f[i].type == f[0].type;
		lines += f[i].line != f[i - 1].line;
	}
	if (!v->addr && lines > 1) { /* a thread-local */
		alike_count(s, v, &all, &before);
		for (size_t i = 0; all == lines && i < n; i++) {
			line += i && f[i].line != f[i - 1].line;
			if (line == before)
				return &f[i];
		}
	}
	return same ? f : NULL;
}

static void settle(struct types_search *s, struct types_hash *h,
		   const struct types_finding *f, size_t n)
{
	struct types_var *v = &s->vars[f->var];
	const struct types_finding *one = choose(s, v, f, n);
	uint64_t *set;

	if (one) {
		v->type = one->type;
		v->spelt = one->spelt;
		v->file = one->file;
		v->line = one->line;
		f = one;
		n = 1;
	}
	set = xcalloc(n, sizeof(*set));
	for (size_t i = 0; i < n; i++)
		set[i] = types_hash_deep(h, f[i].type);
	v->hash = types_hash_set(set, n);
	free(set);
}

/* The findings in a section become one: a struct of them. */
static void section_settle(struct types_search *s, struct types_finding *f,
			   size_t n)
{
	struct layout_type type = {.kind = LAYOUT_STRUCT,
				   .size = s->vars[f->var].size};
	struct layout_part *parts = xcalloc(n, sizeof(*parts));
	size_t nparts = 0;
	uint32_t made = types_new(&s->t, &type);

	for (size_t i = 0; i < n; i++) {
		if (!i || f[i].offset != f[i - 1].offset)
			parts[nparts++] = (struct layout_part){
			    .name = f[i].name,
			    .type = f[i].type,
			    .at = LAYOUT_PLACE(f[i].offset * 8, 0)};
	}
	types_parts_set(&s->t, made, parts, nparts);
	free(parts);
	for (size_t i = 0; i < n; i++)
		f[i].type = made;
}

static void sections_settle(struct types_search *s)
{
	struct types_finding *f = s->found, *end = f + s->nfound, *first;

	while (s->sections && f < end) {
		first = f;
		while (f < end && f->var == first->var)
			f++;
		if (s->vars[first->var].section)
			section_settle(s, first, (size_t)(f - first));
	}
}

void types_match_end(struct types_search *s)
{
	struct types_hash *h;
	struct types_finding *f = s->found, *end = f + s->nfound, *first;

	if (s->nfound)
		qsort(f, s->nfound, sizeof(*f), compare_finding);
	sections_settle(s);
	h = types_hash_new(&s->t);
	while (f < end) {
		first = f;
		while (f < end && f->var == first->var &&
		       f->vague == first->vague)
			f++;
		settle(s, h, first, (size_t)(f - first));
		while (f < end && f->var == first->var)
			f++; /* vague ones */
	}
	types_hash_free(h);
}

/* --- begin and end -------------------------------------------------------- */

static void funcs_begin(struct types_search *s)
{
	uint32_t n = s->uses ? s->uses->nfuncs : 0;

	s->funcs = xcalloc(n, sizeof(*s->funcs));
	s->funcs_by_addr = xcalloc(n, sizeof(*s->funcs_by_addr));
	for (uint32_t i = 0; i < n; i++)
		s->funcs_by_addr[i] = i;
	if (n)
		qsort_r(s->funcs_by_addr, n, sizeof(*s->funcs_by_addr),
			compare_func, (void *)(uintptr_t)s->uses->funcs);
}

void types_match_begin(struct types_search *s, struct types_var *v, size_t n,
		       const struct layout *uses)
{
	*s = (struct types_search){.vars = v,
				   .nvars = n,
				   .uses = uses,
				   .capfound = 256};
	s->found = xcalloc(s->capfound, sizeof(*s->found));
	types_begin(&s->t);
	s->by_addr = xcalloc(n, sizeof(struct types_var *));
	s->by_name = xcalloc(n, sizeof(struct types_var *));
	for (size_t i = 0; i < n; i++) {
		v[i].hash = 0;
		v[i].type = v[i].spelt = v[i].file = v[i].line = 0;
		if (v[i].section)
			s->sections = true;
		else if (v[i].addr)
			s->by_addr[s->naddr++] = &v[i];
		else if (v[i].name)
			s->by_name[s->nname++] = &v[i];
	}
	qsort(s->by_addr, s->naddr, sizeof(struct types_var *), compare_addr);
	funcs_begin(s);
}

void types_match_free(struct types_search *s)
{
	types_end(&s->t);
	free(s->by_addr);
	free(s->by_name);
	free(s->found);
	free(s->funcs);
	free(s->funcs_by_addr);
	free(s->locals);
	free(s->noted);
}
