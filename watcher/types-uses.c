/* SPDX-License-Identifier: MIT
 *
 * What each function of an object refers to, told before the link, when a
 * relocation still says what is meant: the variables, and the functions that
 * it calls within its version. The address of a function is its stub's, which
 * leads to the current version whoever calls it, so taking one is no use.
 *
 * Data that a function names counts with all that its initial content points
 * to: through a table of pointers the function gets there as well. What else a
 * pointer may lead to by the time it runs is not known here; whoever moves a
 * variable looks for such pointers in memory.
 *
 * Where the user put several functions into one section they count as one: the
 * assembler resolved the calls between them.
 *
 * The section that this makes has no types yet; the link fills in where the
 * functions are, and types_read makes the whole one of it.
 */
#include <stdlib.h>

#include "watcher/object-internal.h"
#include "watcher/types.h"

struct uses {
	const struct object *o;
	const char *module;
	struct types strings; /* only these */
	struct layout_var *vars;
	struct layout_func *funcs;
	uint32_t *sym_of; /* by function of funcs */
	uint32_t nvars, nfuncs;
	uint32_t *var_of;    /* by variable of the object: index into vars */
	uint32_t *func_of;   /* by function of the object: index into funcs */
	uint32_t *extern_of; /* by symbol: 1 + index into vars, or 0 */
	uint32_t *uses;
	size_t nuses, capuses;
	uint32_t *seen, stamp; /* by section */
	uint32_t *todo;        /* sections of data to look into */
	size_t ntodo;
};

/* --- ids ------------------------------------------------------------------ */

static uint32_t id_of(struct uses *u, uint32_t sym)
{
	const char *name = sym_name(u->o, sym);
	bool local = ELF64_ST_BIND(u->o->syms[sym].st_info) == STB_LOCAL;
	char *id;
	uint32_t at;

	if (!local)
		return types_string(&u->strings, name);
	id = xasprintf("%s:%s", u->module, name);
	at = types_string(&u->strings, id);
	free(id);
	return at;
}

static int compare_id(const void *a, const void *b, void *strings)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return strcmp((const char *)strings + x, (const char *)strings + y);
}

/* --- variables ------------------------------------------------------------ */

static struct layout_var var_describe(struct uses *u, const struct var *v)
{
	const struct object *o = u->o;
	const char *name = sym_name(o, v->sym);
	struct layout_var d = {.size = o->syms[v->sym].st_size};
	char *id;

	if (!v->sym) {
		id = xasprintf("%s:[%s]", u->module, o->sec[v->shndx].name);
		d.id = types_string(&u->strings, id);
		free(id);
		d.size = o->sec[v->shndx].sh->sh_size;
		return d;
	}
	d.id = id_of(u, v->sym);
	if (v->shndx == SHN_COMMON)
		return d;
	if (sec_const(&o->sec[v->shndx]))
		d.flags = LAYOUT_VAR_CONST;
	if (starts_with(name, "__emutls_v.") && o->sec[v->shndx].data &&
	    o->syms[v->sym].st_value + 8 <= o->sec[v->shndx].sh->sh_size) {
		d.flags = LAYOUT_VAR_TLS;
		memcpy(&d.size,
		       o->sec[v->shndx].data + o->syms[v->sym].st_value, 8);
	}
	return d;
}

/* A symbol that code asks the GOT for and this object lacks: a variable of
 * another module, or a function, which nobody will ask for. */
static bool is_foreign(const struct object *o, const Elf64_Rela *r)
{
	uint32_t sym = ELF64_R_SYM(r->r_info), type = ELF64_R_TYPE(r->r_info);
	const char *name = sym_name(o, sym);

	return o->syms[sym].st_shndx == SHN_UNDEF && *name &&
	       (type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
		type == R_X86_64_REX_GOTPCRELX || type == R_X86_64_64) &&
	       !starts_with(name, "hw.hot.") && !starts_with(name, "_GLOBAL_");
}

static const Elf64_Rela *relocations(const struct object *o, uint32_t shndx,
				     size_t *n)
{
	const struct section *s = &o->sec[shndx];

	*n = s->rela ? o->sec[s->rela].sh->sh_size / sizeof(Elf64_Rela) : 0;
	return s->rela ? (const Elf64_Rela *)o->sec[s->rela].data : NULL;
}

static void foreign_add(struct uses *u, uint32_t shndx)
{
	const Elf64_Rela *r;
	size_t n;

	r = relocations(u->o, shndx, &n);
	for (size_t i = 0; i < n; i++) {
		uint32_t sym = ELF64_R_SYM(r[i].r_info);

		if (!is_foreign(u->o, &r[i]) || u->extern_of[sym])
			continue;
		u->vars = xrealloc(u->vars, (u->nvars + 1) * sizeof(*u->vars));
		u->vars[u->nvars] =
		    (struct layout_var){.id = id_of(u, sym),
					.flags = LAYOUT_VAR_EXTERN};
		u->extern_of[sym] = ++u->nvars;
	}
}

/* Sorts the N records of SIZE bytes by their ids; *WHERE, malloc'd: by former
 * index the new one. Each carries its former index in the field at FIELD. */
static uint32_t *ids_sort(struct uses *u, void *records, uint32_t n,
			  size_t size, size_t field)
{
	uint32_t *where = xcalloc(n, sizeof(*where)), was;
	char *r = records;

	for (uint32_t i = 0; i < n; i++)
		memcpy(r + i * size + field, &i, sizeof(i));
	if (n)
		qsort_r(records, n, size, compare_id, u->strings.strings.s);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&was, r + i * size + field, sizeof(was));
		where[was] = i;
		memset(r + i * size + field, 0, sizeof(was));
	}
	return where;
}

static void vars_list(struct uses *u)
{
	const struct object *o = u->o;
	uint32_t *where;

	u->nvars = (uint32_t)o->nvars;
	u->vars = xcalloc(o->nvars, sizeof(*u->vars));
	for (size_t i = 0; i < o->nvars; i++)
		u->vars[i] = var_describe(u, &o->vars[i]);
	for (uint32_t i = 1; i < o->nsec; i++)
		if (sec_counts(&o->sec[i]))
			foreign_add(u, i);
	where = ids_sort(u, u->vars, u->nvars, sizeof(*u->vars),
			 offsetof(struct layout_var, line));
	for (uint32_t i = 0; i < o->nsyms; i++)
		if (u->extern_of[i])
			u->extern_of[i] = where[u->extern_of[i] - 1] + 1;
	u->var_of = where;
}

static void funcs_list(struct uses *u)
{
	const struct object *o = u->o;

	u->nfuncs = (uint32_t)o->nfuncs;
	u->funcs = xcalloc(o->nfuncs, sizeof(*u->funcs));
	u->sym_of = xcalloc(o->nfuncs, sizeof(*u->sym_of));
	for (size_t i = 0; i < o->nfuncs; i++) {
		const struct func *f = &o->funcs[i];
		const Elf64_Sym *s = &o->syms[f->sym];

		u->funcs[i].id = id_of(u, f->sym);
		u->funcs[i].size = (uint32_t)s->st_size;
		if (f->addressed || ELF64_ST_BIND(s->st_info) != STB_LOCAL)
			u->funcs[i].flags = LAYOUT_FUNC_CALLABLE;
	}
	u->func_of = ids_sort(u, u->funcs, u->nfuncs, sizeof(*u->funcs),
			      offsetof(struct layout_func, line));
	for (size_t i = 0; i < o->nfuncs; i++)
		u->sym_of[u->func_of[i]] = o->funcs[i].sym;
}

/* --- what a section refers to --------------------------------------------- */

static void use_add(struct uses *u, uint32_t use)
{
	if (u->nuses == u->capuses) {
		u->capuses = u->capuses ? u->capuses * 2 : 1024;
		u->uses = xrealloc(u->uses, u->capuses * sizeof(*u->uses));
	}
	u->uses[u->nuses++] = use;
}

static void data_use(struct uses *u, uint32_t shndx)
{
	if (u->o->sec[shndx].var)
		use_add(u, u->var_of[u->o->sec[shndx].var - 1]);
	if (u->seen[shndx] == u->stamp)
		return;
	u->seen[shndx] = u->stamp;
	u->todo[u->ntodo++] = shndx;
}

/* A reference from section S into code: a call or jump to another function. */
static void code_use(struct uses *u, const struct section *s,
		     const Elf64_Rela *r, uint32_t target, uint64_t offset)
{
	const struct section *t = &u->o->sec[target];

	if (!sec_exec(s) || ref_is_lea(s, r->r_offset))
		return;
	for (size_t i = 0; i < t->nsyms; i++) {
		const Elf64_Sym *f = &u->o->syms[t->syms[i]];

		if (offset - f->st_value < f->st_size || offset == f->st_value)
			use_add(u, LAYOUT_USE_FUNC |
				       u->func_of[u->o->func_of[t->syms[i]]]);
	}
}

static void reference_use(struct uses *u, const struct section *s,
			  const Elf64_Rela *r)
{
	const struct object *o = u->o;
	uint32_t sym = ELF64_R_SYM(r->r_info), type = ELF64_R_TYPE(r->r_info);
	uint32_t target = o->syms[sym].st_shndx;
	bool local = ELF64_ST_BIND(o->syms[sym].st_info) == STB_LOCAL;

	if (u->extern_of[sym]) {
		if (type != R_X86_64_PLT32)
			use_add(u, u->extern_of[sym] - 1);
		return;
	}
	if (target == SHN_COMMON && o->var_of[sym] >= 0)
		use_add(u, u->var_of[o->var_of[sym]]);
	if (target == SHN_UNDEF || target >= o->nsec ||
	    !(o->sec[target].sh->sh_flags & SHF_ALLOC))
		return;
	if (!sec_exec(&o->sec[target])) {
		if (o->var_of[sym] >= 0)
			use_add(u, u->var_of[o->var_of[sym]]);
		data_use(u, target);
	} else if (local || type == R_X86_64_PC32) {
		code_use(u, s, r, target,
			 o->syms[sym].st_value + (uint64_t)r->r_addend + 4);
	}
}

static void section_use(struct uses *u, uint32_t shndx)
{
	const Elf64_Rela *r;
	size_t n;

	r = relocations(u->o, shndx, &n);
	for (size_t i = 0; i < n; i++)
		reference_use(u, &u->o->sec[shndx], &r[i]);
}

static int compare_use(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void func_use(struct uses *u, uint32_t i)
{
	struct layout_func *f = &u->funcs[i];
	size_t first = u->nuses, n = first;

	f->uses = (uint32_t)first;
	u->stamp++;
	section_use(u, u->o->syms[u->sym_of[i]].st_shndx);
	while (u->ntodo)
		section_use(u, u->todo[--u->ntodo]);
	if (u->nuses > first)
		qsort(u->uses + first, u->nuses - first, sizeof(*u->uses),
		      compare_use);
	for (size_t k = first; k < u->nuses; k++)
		if (k == first || u->uses[k] != u->uses[k - 1])
			u->uses[n++] = u->uses[k];
	u->nuses = n;
	f->nuses = (uint32_t)(n - first);
}

/* --- the section ---------------------------------------------------------- */

static void join(struct uses *u, struct text *section,
		 struct types_site **sites, size_t *nsites)
{
	static const struct layout_type types[2] = {{.kind = LAYOUT_NONE},
						    {.kind = LAYOUT_NOTHING}};
	struct layout_header h = {.ntypes = 2,
				  .nvars = u->nvars,
				  .nfuncs = u->nfuncs,
				  .nuses = (uint32_t)u->nuses,
				  .nstrings = (uint32_t)u->strings.strings.len};
	const void *const tables[7] = {types,
				       NULL,
				       u->vars,
				       u->funcs,
				       u->uses,
				       NULL,
				       u->strings.strings.s};

	types_join(&h, tables, section);
	*sites = xcalloc(u->nfuncs, sizeof(**sites));
	*nsites = u->nfuncs;
	for (uint32_t i = 0; i < u->nfuncs; i++)
		(*sites)[i] =
		    (struct types_site){.offset =
					    h.funcs + i * sizeof(*u->funcs) +
					    offsetof(struct layout_func, addr),
					.sym = u->sym_of[i]};
}

void types_uses(const struct object *o, const char *module,
		struct text *section, struct types_site **sites, size_t *nsites)
{
	struct uses u = {.o = o, .module = module};

	types_begin(&u.strings);
	u.extern_of = xcalloc(o->nsyms, sizeof(*u.extern_of));
	u.seen = xcalloc(o->nsec, sizeof(*u.seen));
	u.todo = xcalloc(o->nsec, sizeof(*u.todo));
	vars_list(&u);
	funcs_list(&u);
	for (uint32_t i = 0; i < u.nfuncs; i++)
		func_use(&u, i);
	join(&u, section, sites, nsites);
	types_end(&u.strings);
	free(u.vars);
	free(u.funcs);
	free(u.sym_of);
	free(u.var_of);
	free(u.func_of);
	free(u.extern_of);
	free(u.uses);
	free(u.seen);
	free(u.todo);
}
