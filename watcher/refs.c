/* SPDX-License-Identifier: MIT
 *
 * What an object's code and data refer to: which function addresses are taken
 * where, and which variables are named where.
 *
 * The compiler was told to give each function and variable a section, so a
 * relocation against "section + n" names one of them exactly, whatever n is.
 * What remains to be told apart:
 *
 * - A lea of a function's first byte takes its address; a call or a jump there
 *   is the local call and stays. They can carry the same relocation type, so
 *   the opcode before the field decides.
 * - A reference into a function's middle is a label (computed goto, a jump
 *   table): it belongs to this version for ever. A variable that holds one is
 *   marked, and is never shared between versions.
 * - A lea whose target lies in its own section was resolved by the assembler
 *   and left no relocation: a callback that registers itself. It is found by
 *   its bytes: REX.W 8D /r with RIP-relative addressing, whose displacement
 *   gives exactly a function's first byte. That other bytes look so by chance
 *   is a matter of 2^-45 a position.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/object-internal.h"

static int by_value(const void *a, const void *b, void *arg)
{
	const Elf64_Sym *syms = arg;
	const Elf64_Sym *x = &syms[*(const uint32_t *)a];
	const Elf64_Sym *y = &syms[*(const uint32_t *)b];

	if (x->st_value != y->st_value)
		return x->st_value < y->st_value ? -1 : 1;
	/* A global before its local alias: the name others know. */
	return ELF64_ST_BIND(y->st_info) - ELF64_ST_BIND(x->st_info);
}

/* The word through which .eh_frame names a personality routine: each module
 * has its own, reached directly. */
static bool is_personality(const struct object *o, uint32_t i)
{
	return starts_with(sym_name(o, i), "DW.ref.");
}

/* The bounds of an array that the compiler makes for its own runtime, one an
 * object: hidden, and weak, because where nothing went into it there is none.
 * (AddressSanitizer's registered the globals of whatever module had some.) */
static bool is_own_bound(const struct object *o, uint32_t i)
{
	const char *name = sym_name(o, i);

	return ELF64_ST_VISIBILITY(o->syms[i].st_other) == STV_HIDDEN &&
	       (starts_with(name, "__start_") || starts_with(name, "__stop_"));
}

/* Where AddressSanitizer counts a global's definitions: the program has no such
 * variable. */
static bool is_odr_mark(const struct object *o, uint32_t i)
{
	return starts_with(sym_name(o, i), "__odr_asan_gen_");
}

/* Where an object's constructor marks that AddressSanitizer knows its globals:
 * each module has its own. (Two that were loaded at once, and each brought it
 * as a new variable of the program, refused each other.) */
static bool is_registered_mark(const struct object *o, uint32_t i)
{
	return strcmp(sym_name(o, i), "___asan_globals_registered") == 0;
}

/* A function or variable that the program defines and the user named. Names
 * with a leading dot are the compiler's (".compoundliteral.3"): their order,
 * not their meaning, gives the number, so they are never matched. */
static bool symbol_counts(const struct object *o, uint32_t i)
{
	const Elf64_Sym *s = &o->syms[i];
	int type = ELF64_ST_TYPE(s->st_info);

	if (s->st_shndx == SHN_UNDEF || s->st_shndx >= o->nsec ||
	    sym_name(o, i)[0] == '\0' || sym_name(o, i)[0] == '.' ||
	    is_personality(o, i) || is_odr_mark(o, i))
		return false;
	if (!(o->sec[s->st_shndx].sh->sh_flags & SHF_ALLOC))
		return false;
	if (type == STT_FUNC)
		return sec_exec(&o->sec[s->st_shndx]);
	return type == STT_OBJECT && s->st_size > 0 &&
	       !sec_exec(&o->sec[s->st_shndx]);
}

static void symbols_sort(struct object *o)
{
	for (uint32_t i = 1; i < o->nsyms; i++) {
		struct section *s;

		if (!symbol_counts(o, i))
			continue;
		s = &o->sec[o->syms[i].st_shndx];
		s->syms = xrealloc(s->syms, (s->nsyms + 1) * sizeof(*s->syms));
		s->syms[s->nsyms++] = i;
	}
	for (size_t i = 1; i < o->nsec; i++)
		if (o->sec[i].nsyms > 1)
			qsort_r(o->sec[i].syms, o->sec[i].nsyms,
				sizeof(uint32_t), by_value, o->syms);
}

static void func_add(struct object *o, uint32_t sym)
{
	o->funcs = xrealloc(o->funcs, (o->nfuncs + 1) * sizeof(*o->funcs));
	o->func_of[sym] = (int32_t)o->nfuncs;
	o->funcs[o->nfuncs++] = (struct func){.sym = sym};
}

static uint32_t var_add(struct object *o, uint32_t sym, uint32_t shndx)
{
	o->vars = xrealloc(o->vars, (o->nvars + 1) * sizeof(*o->vars));
	o->vars[o->nvars] = (struct var){.sym = sym, .shndx = shndx};
	return (uint32_t)o->nvars++;
}

/* A section with variables: one variable (aliases share it), or, where the
 * user put several into one section, the section as a whole: a reference to
 * "section + n" could not be told apart there. */
static void section_vars(struct object *o, uint32_t shndx)
{
	struct section *s = &o->sec[shndx];
	const Elf64_Sym *first = &o->syms[s->syms[0]], *sym;
	bool several = first->st_value != 0;
	uint32_t var;

	for (size_t i = 1; i < s->nsyms; i++)
		if (o->syms[s->syms[i]].st_value != first->st_value)
			several = true;
	var = var_add(o, several ? 0 : s->syms[0], shndx);
	s->var = var + 1;
	for (size_t i = 0; i < s->nsyms; i++) {
		uint32_t id = s->syms[i];

		sym = &o->syms[id];
		if ((several || i > 0) &&
		    ELF64_ST_BIND(sym->st_info) != STB_LOCAL)
			o->var_of[id] = (int32_t)var_add(o, id, shndx);
		else
			o->var_of[id] = (int32_t)var;
	}
}

static void names_find(struct object *o)
{
	o->func_of = xmalloc(o->nsyms * sizeof(*o->func_of));
	o->var_of = xmalloc(o->nsyms * sizeof(*o->var_of));
	memset(o->func_of, 0xff, o->nsyms * sizeof(*o->func_of));
	memset(o->var_of, 0xff, o->nsyms * sizeof(*o->var_of));
	symbols_sort(o);
	for (uint32_t i = 1; i < o->nsec; i++) {
		struct section *s = &o->sec[i];

		if (!s->nsyms)
			continue;
		if (!sec_exec(s)) {
			section_vars(o, i);
			continue;
		}
		for (size_t k = 0; k < s->nsyms; k++)
			func_add(o, s->syms[k]);
	}
	/* -fcommon: the linker gives it a place; the name is all we need. */
	for (uint32_t i = 1; i < o->nsyms; i++)
		if (o->syms[i].st_shndx == SHN_COMMON &&
		    !is_registered_mark(o, i))
			o->var_of[i] = (int32_t)var_add(o, i, SHN_COMMON);
}

/* The function that starts at OFFSET of section SHNDX, or -1. */
static int32_t func_at(const struct object *o, uint32_t shndx, uint64_t offset)
{
	const struct section *s = &o->sec[shndx];

	for (size_t i = 0; i < s->nsyms; i++)
		if (o->syms[s->syms[i]].st_value == offset)
			return o->func_of[s->syms[i]];
	return -1;
}

/* The variable that a reference into section SHNDX means, or -1. */
static int32_t var_in(const struct object *o, uint32_t shndx)
{
	return (int32_t)o->sec[shndx].var - 1;
}

static void fref_add(struct object *o, uint32_t shndx, uint32_t type,
		     uint64_t offset, int32_t func, int64_t rela)
{
	if (!(o->nfrefs & (o->nfrefs - 1)))
		o->frefs = xrealloc(o->frefs, (o->nfrefs ? o->nfrefs * 2 : 1) *
						  sizeof(*o->frefs));
	o->frefs[o->nfrefs++] = (struct func_ref){.shndx = shndx,
						  .type = type,
						  .offset = offset,
						  .func = (uint32_t)func,
						  .rela = rela};
	o->funcs[func].addressed = true;
}

static void vref_add(struct object *o, uint32_t shndx, uint32_t kind,
		     uint64_t offset, int32_t var)
{
	if (!(o->nvrefs & (o->nvrefs - 1)))
		o->vrefs = xrealloc(o->vrefs, (o->nvrefs ? o->nvrefs * 2 : 1) *
						  sizeof(*o->vrefs));
	o->vrefs[o->nvrefs++] = (struct var_ref){.shndx = shndx,
						 .kind = kind,
						 .offset = offset,
						 .var = (uint32_t)var};
}

static void labels_mark(struct object *o, uint32_t shndx)
{
	int32_t var = var_in(o, shndx);

	if (var >= 0)
		o->vars[var].labels = true;
}

/* A relocation at section I whose target is at OFFSET of section TARGET of
 * this object (the offset is not exact for data: see var_in). */
static void local_ref(struct object *o, uint32_t i, const Elf64_Rela *r,
		      int64_t rela, uint32_t target, uint64_t offset)
{
	struct section *s = &o->sec[i];
	uint32_t type = ELF64_R_TYPE(r->r_info);
	int32_t found;

	if (sec_exec(&o->sec[target])) {
		if (type == R_X86_64_PC32 && sec_exec(s)) {
			found = func_at(o, target, offset + 4);
			if (found >= 0 && ref_is_lea(s, r->r_offset))
				fref_add(o, i, R_X86_64_GOTPCREL, r->r_offset,
					 found, rela);
		} else if (type == R_X86_64_64) {
			found = func_at(o, target, offset);
			if (found >= 0)
				fref_add(o, i, R_X86_64_64, r->r_offset, found,
					 rela);
			else
				labels_mark(o, i);
		}
		return;
	}
	found = var_in(o, target);
	if (found < 0)
		return;
	if (type == R_X86_64_PC32 && sec_exec(s))
		vref_add(o, i, HW_REF_PC32, r->r_offset, found);
	else if (type == R_X86_64_64)
		vref_add(o, i, HW_REF_ABS64, r->r_offset, found);
}

/* A direct reference that the linker answers within the module: its own
 * section's bounds, and per-module marks of the sanitizers. */
static bool linker_answers(const struct object *o, uint32_t sym)
{
	const char *name = sym_name(o, sym);

	return starts_with(name, "__start_") || starts_with(name, "__stop_") ||
	       o->syms[sym].st_shndx == SHN_COMMON;
}

static int reloc_check(struct object *o, const struct section *s,
		       const Elf64_Rela *r, char **err)
{
	uint32_t sym = ELF64_R_SYM(r->r_info);
	const unsigned char *p = s->data + r->r_offset;

	switch (ELF64_R_TYPE(r->r_info)) {
	case R_X86_64_NONE:
	case R_X86_64_64:
	case R_X86_64_PLT32:
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
	case R_X86_64_TLSGD:
	case R_X86_64_TLSLD:
	case R_X86_64_DTPOFF32:
	case R_X86_64_DTPOFF64:
	case R_X86_64_GOTTPOFF:
	case R_X86_64_SIZE32:
	case R_X86_64_SIZE64:
		return 0;
	case R_X86_64_PC32:
	case R_X86_64_PC64:
		if (linker_answers(o, sym)) {
			o->direct[sym] = true;
			return 0;
		}
		if (o->syms[sym].st_shndx != SHN_UNDEF || !sec_exec(s) ||
		    (r->r_offset >= 1 && (p[-1] == 0xe8 || p[-1] == 0xe9)) ||
		    (r->r_offset >= 2 && p[-2] == 0x0f))
			return 0;
		return fail(err,
			    "%s: reaches %s without the GOT, as hidden "
			    "symbols are; it must have default visibility "
			    "(a #pragma GCC visibility?)",
			    o->label, sym_name(o, sym));
	default:
		return fail(err,
			    "%s: relocation type %lu against %s: not "
			    "position-independent code; was it compiled with "
			    "-mcmodel or -fno-pic?",
			    o->label, (unsigned long)ELF64_R_TYPE(r->r_info),
			    sym_name(o, sym));
	}
}

/* A call or a tail call of what this object does not have. */
static bool is_far_call(const struct object *o, const struct section *s,
			const Elf64_Rela *r)
{
	return sec_exec(s) && ELF64_R_TYPE(r->r_info) == R_X86_64_PLT32 &&
	       o->syms[ELF64_R_SYM(r->r_info)].st_shndx == SHN_UNDEF &&
	       r->r_addend == -4 && r->r_offset > 0 &&
	       (s->data[r->r_offset - 1] | 1) == 0xe9;
}

static int section_refs(struct object *o, uint32_t i, char **err)
{
	struct section *s = &o->sec[i];
	Elf64_Rela *rela = (Elf64_Rela *)o->sec[s->rela].data;
	size_t n = s->rela ? o->sec[s->rela].sh->sh_size / sizeof(*rela) : 0;

	for (size_t k = 0; k < n; k++) {
		const Elf64_Sym *sym = &o->syms[ELF64_R_SYM(rela[k].r_info)];
		bool local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;
		uint32_t type = ELF64_R_TYPE(rela[k].r_info);

		if (reloc_check(o, s, &rela[k], err) < 0)
			return -1;
		if (is_far_call(o, s, &rela[k]))
			vref_add(o, i, HW_REF_CALL, rela[k].r_offset, 0);
		/* By a global's name, data and GOT references follow the
		 * name; only a direct one (hidden symbols) is a local one. */
		if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= o->nsec ||
		    (!local && type != R_X86_64_PC32))
			continue;
		local_ref(o, i, &rela[k], (int64_t)k, sym->st_shndx,
			  sym->st_value + (uint64_t)rela[k].r_addend);
	}
	return 0;
}

static bool has_reloc(const struct object *o, const struct section *s,
		      uint64_t offset)
{
	const Elf64_Rela *rela = (const Elf64_Rela *)o->sec[s->rela].data;
	size_t n = s->rela ? o->sec[s->rela].sh->sh_size / sizeof(*rela) : 0;

	for (size_t k = 0; k < n; k++)
		if (rela[k].r_offset == offset)
			return true;
	return false;
}

/* The lea that the assembler resolved: see the head. */
static void section_self_refs(struct object *o, uint32_t i)
{
	struct section *s = &o->sec[i];
	const unsigned char *end = s->data + s->sh->sh_size, *p = s->data + 1;
	int32_t disp, func;
	uint64_t field;

	while (p + 6 <= end && (p = memchr(p, 0x8d, end - p - 5)) != NULL) {
		field = p + 2 - s->data;
		if (ref_is_lea(s, field)) {
			memcpy(&disp, p + 2, 4);
			func = func_at(o, i, field + 4 + (int64_t)disp);
			if (func >= 0 && !has_reloc(o, s, field))
				fref_add(o, i, R_X86_64_GOTPCREL, field, func,
					 -1);
		}
		p++;
	}
}

/* HOT(f) on a static f: its address is needed although nothing takes it. */
static void hot_refs(struct object *o)
{
	for (uint32_t i = o->first_global; i < o->nsyms; i++) {
		const char *name = sym_name(o, i);

		if (!starts_with(name, "hw.hot."))
			continue;
		for (size_t k = 0; k < o->nfuncs; k++)
			if (!strcmp(sym_name(o, o->funcs[k].sym), name + 7))
				o->funcs[k].addressed = true;
	}
}

int object_scan(struct object *o, char **err)
{
	if (o->scanned)
		return 0;
	o->direct = xcalloc(o->nsyms, sizeof(*o->direct));
	for (uint32_t i = 1; i < o->nsyms; i++)
		o->direct[i] = is_personality(o, i) || is_own_bound(o, i);
	names_find(o);
	for (uint32_t i = 1; i < o->nsec; i++) {
		if (!sec_counts(&o->sec[i]))
			continue;
		if (section_refs(o, i, err) < 0)
			return -1;
		if (sec_exec(&o->sec[i]) && o->sec[i].nsyms)
			section_self_refs(o, i);
	}
	hot_refs(o);
	o->scanned = true;
	return 0;
}
