/* SPDX-License-Identifier: MIT
 *
 * The steerable copy of an object: every reference that leaves the version
 * goes through a name that the code server binds. docs/architecture.md, "The
 * rewrite", says what is changed; refs.c has found where.
 *
 * The copy keeps all sections in place, so section numbers stay. Symbols are
 * laid out anew, because local ones must precede global ones:
 *
 *	old locals | section symbols we need | old globals | new globals
 *
 * and every relocation, debug information's too, is renumbered by one map.
 * Changing the compiler instead (a pass plugin) was rejected: it would tie
 * hotwatch to one LLVM and to C++. Doing it after the link, in the target,
 * was rejected as well: it costs at every start what here is paid once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/object-internal.h"
#include "watcher/types.h"

#ifndef SHT_LLVM_ADDRSIG
#define SHT_LLVM_ADDRSIG 0x6fff4c03
#endif

/* One section of the copy. */
struct out_section {
	Elf64_Shdr sh;
	void *data;      /* what is written */
	bool own;        /* data is ours to free */
	Elf64_Rela *add; /* more relocations, for a SHT_RELA */
	size_t nadd;
};

struct rewrite {
	struct object *o;
	const char *module, *source;
	bool reload;
	struct out_section *sec;
	size_t nsec;
	uint32_t *map;      /* old symbol -> new symbol */
	uint32_t *sec_sym;  /* section -> its section symbol, 0: none yet */
	uint32_t *func_sym; /* function -> the symbol of its id */
	Elf64_Sym *locals, *globals;
	uint32_t nlocals, nglobals;
	struct text strtab, shstrtab; /* the same one if the object's are */
	bool one_strtab;
	struct text desc, types;
	Elf64_Rela *desc_rela;
	size_t ndesc_rela;
	char **ids; /* of the descriptor's functions */
	size_t nids;
	uint32_t *id_func;
};

static uint32_t name_add(struct rewrite *w, const char *name)
{
	uint32_t at = (uint32_t)w->strtab.len;

	text_add(&w->strtab, name, strlen(name) + 1);
	return at;
}

static uint32_t section_name_add(struct rewrite *w, const char *name)
{
	struct text *t = w->one_strtab ? &w->strtab : &w->shstrtab;
	uint32_t at = (uint32_t)t->len;

	text_add(t, name, strlen(name) + 1);
	return at;
}

/* --- symbols -------------------------------------------------------------- */

static void section_symbol_need(struct rewrite *w, uint32_t shndx)
{
	if (w->sec_sym[shndx])
		return;
	w->locals = xrealloc(w->locals, (w->nlocals + 1) * sizeof(Elf64_Sym));
	w->locals[w->nlocals] =
	    (Elf64_Sym){.st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION),
			.st_shndx = (Elf64_Half)shndx};
	w->sec_sym[shndx] = w->o->first_global + w->nlocals++;
}

static void section_symbols(struct rewrite *w)
{
	struct object *o = w->o;

	for (uint32_t i = 1; i < o->first_global; i++)
		if (ELF64_ST_TYPE(o->syms[i].st_info) == STT_SECTION &&
		    o->syms[i].st_shndx < o->nsec && !o->syms[i].st_value)
			w->sec_sym[o->syms[i].st_shndx] = i;
	for (size_t i = 0; i < o->nfuncs; i++)
		section_symbol_need(w, o->syms[o->funcs[i].sym].st_shndx);
	for (size_t i = 0; i < o->nvars; i++)
		if (o->vars[i].shndx != SHN_COMMON)
			section_symbol_need(w, o->vars[i].shndx);
	for (size_t i = 0; i < o->nvrefs; i++)
		section_symbol_need(w, o->vrefs[i].shndx);
}

static uint32_t global_add(struct rewrite *w, const char *name, uint32_t shndx,
			   uint64_t size)
{
	w->globals =
	    xrealloc(w->globals, (w->nglobals + 1) * sizeof(Elf64_Sym));
	w->globals[w->nglobals] =
	    (Elf64_Sym){.st_name = name_add(w, name),
			.st_info =
			    ELF64_ST_INFO(STB_GLOBAL,
					  shndx ? STT_OBJECT : STT_NOTYPE),
			.st_shndx = (Elf64_Half)shndx,
			.st_size = size};
	return w->o->nsyms + w->nlocals + w->nglobals++;
}

static bool func_global(const struct object *o, const struct func *f)
{
	return ELF64_ST_BIND(o->syms[f->sym].st_info) != STB_LOCAL;
}

static bool func_weak(const struct object *o, const struct func *f)
{
	return ELF64_ST_BIND(o->syms[f->sym].st_info) == STB_WEAK;
}

static char *symbol_id(const struct rewrite *w, uint32_t sym)
{
	const char *name = sym_name(w->o, sym);

	if (ELF64_ST_BIND(w->o->syms[sym].st_info) != STB_LOCAL)
		return xstrdup(name);
	return xasprintf("%s:%s", w->module, name);
}

/* The functions that have a stub, and the symbols of their ids. */
static void func_symbols(struct rewrite *w)
{
	struct object *o = w->o;

	w->ids = xcalloc(o->nfuncs + 1, sizeof(*w->ids));
	w->id_func = xcalloc(o->nfuncs + 1, sizeof(*w->id_func));
	for (uint32_t i = 0; i < o->nfuncs; i++) {
		struct func *f = &o->funcs[i];

		if (!func_global(o, f) && !f->addressed)
			continue;
		w->id_func[w->nids] = i;
		w->ids[w->nids] = symbol_id(w, f->sym);
		w->func_sym[i] = func_global(o, f)
				     ? f->sym + w->nlocals
				     : global_add(w, w->ids[w->nids], 0, 0);
		w->nids++;
	}
}

/* hw.hot.NAME: what NAME's id is, here or elsewhere. */
static uint32_t hot_target(struct rewrite *w, const char *name)
{
	struct object *o = w->o;

	for (uint32_t i = 0; i < o->nfuncs; i++)
		if (!strcmp(sym_name(o, o->funcs[i].sym), name))
			return w->func_sym[i];
	for (uint32_t i = o->first_global; i < o->nsyms; i++)
		if (!strcmp(sym_name(o, i), name))
			return i + w->nlocals;
	return global_add(w, name, 0, 0);
}

static void symbols_map(struct rewrite *w)
{
	struct object *o = w->o;

	for (uint32_t i = 0; i < o->nsyms; i++)
		w->map[i] = i < o->first_global ? i : i + w->nlocals;
	for (uint32_t i = o->first_global; i < o->nsyms; i++)
		if (starts_with(sym_name(o, i), "hw.hot."))
			w->map[i] = hot_target(w, sym_name(o, i) + 7);
}

/* Every global becomes visible to the other modules, but AddressSanitizer's
 * mark that this object's globals are registered (common, and reached
 * directly); emulated thread-locals are the code server's; a hw.hot name that
 * nothing refers to any more must not be looked for. */
static void global_mend(struct rewrite *w, uint32_t i, Elf64_Sym *s)
{
	const char *name = sym_name(w->o, i);

	if (!w->o->direct[i])
		s->st_other = (s->st_other & ~3) | STV_DEFAULT;
	if (!strcmp(name, "__emutls_get_address"))
		s->st_name = name_add(w, "hw_emutls_get_address");
	if (starts_with(name, "hw.hot."))
		s->st_info = ELF64_ST_INFO(STB_WEAK, STT_NOTYPE);
}

static void symtab_write(struct rewrite *w)
{
	struct object *o = w->o;
	struct out_section *out = &w->sec[o->symtab];
	uint32_t first = o->first_global, n = o->nsyms;
	Elf64_Sym *s = xcalloc(n + w->nlocals + w->nglobals, sizeof(*s)), *p;

	p = s;
	memcpy(p, o->syms, first * sizeof(*s));
	p += first;
	if (w->nlocals)
		memcpy(p, w->locals, w->nlocals * sizeof(*s));
	p += w->nlocals;
	memcpy(p, o->syms + first, (n - first) * sizeof(*s));
	for (uint32_t i = first; i < n; i++)
		global_mend(w, i, p + (i - first));
	p += n - first;
	if (w->nglobals)
		memcpy(p, w->globals, w->nglobals * sizeof(*s));
	out->data = s;
	out->own = true;
	out->sh.sh_size = (n + w->nlocals + w->nglobals) * sizeof(*s);
	out->sh.sh_info = first + w->nlocals;
}

/* --- relocations ---------------------------------------------------------- */

/* A direct reference by a global's name (it was hidden) must not look like
 * one that another module could answer. */
static void direct_mend(struct rewrite *w, const Elf64_Rela *old, Elf64_Rela *r)
{
	const Elf64_Sym *s = &w->o->syms[ELF64_R_SYM(old->r_info)];

	if (ELF64_R_TYPE(old->r_info) != R_X86_64_PC32 ||
	    ELF64_ST_BIND(s->st_info) == STB_LOCAL ||
	    s->st_shndx == SHN_UNDEF || s->st_shndx >= w->o->nsec ||
	    !w->sec_sym[s->st_shndx])
		return;
	r->r_info = ELF64_R_INFO(w->sec_sym[s->st_shndx], R_X86_64_PC32);
	r->r_addend += (int64_t)s->st_value;
}

static void rela_copy(struct rewrite *w, size_t i)
{
	struct out_section *out = &w->sec[i];
	const Elf64_Rela *old = (const Elf64_Rela *)w->o->sec[i].data;
	size_t n = out->sh.sh_size / sizeof(*old);
	Elf64_Rela *r = xmalloc(out->sh.sh_size);
	bool counts = sec_counts(&w->o->sec[out->sh.sh_info]);

	for (size_t k = 0; k < n; k++) {
		r[k] = old[k];
		r[k].r_info = ELF64_R_INFO(w->map[ELF64_R_SYM(old[k].r_info)],
					   ELF64_R_TYPE(old[k].r_info));
		if (counts)
			direct_mend(w, &old[k], &r[k]);
	}
	out->data = r;
	out->own = true;
}

static struct out_section *section_new(struct rewrite *w, const char *name,
				       Elf64_Shdr sh)
{
	struct out_section *s;

	w->sec = xrealloc(w->sec, (w->nsec + 1) * sizeof(*w->sec));
	s = &w->sec[w->nsec++];
	*s = (struct out_section){.sh = sh};
	s->sh.sh_name = section_name_add(w, name);
	return s;
}

/* The SHT_RELA of section SHNDX, which is called OF; made if there is none. */
static struct out_section *rela_of(struct rewrite *w, uint32_t shndx,
				   const char *of)
{
	char *name;
	struct out_section *s;

	if (shndx < w->o->nsec && w->o->sec[shndx].rela)
		return &w->sec[w->o->sec[shndx].rela];
	for (size_t i = w->o->nsec; i < w->nsec; i++)
		if (w->sec[i].sh.sh_info == shndx)
			return &w->sec[i];
	name = xasprintf(".rela%s", of);
	s = section_new(w, name,
			(Elf64_Shdr){.sh_type = SHT_RELA,
				     .sh_flags = SHF_INFO_LINK,
				     .sh_link = (Elf64_Word)w->o->symtab,
				     .sh_info = shndx,
				     .sh_addralign = 8,
				     .sh_entsize = sizeof(Elf64_Rela)});
	free(name);
	return s;
}

/* lea f(%rip),%r -> mov f@GOTPCREL(%rip),%r: the opcode alone differs. */
static void lea_to_mov(struct rewrite *w, uint32_t shndx, uint64_t field)
{
	struct out_section *s = &w->sec[shndx];

	if (!s->own) {
		void *copy = xmalloc(s->sh.sh_size);

		memcpy(copy, s->data, s->sh.sh_size);
		s->data = copy;
		s->own = true;
	}
	((unsigned char *)s->data)[field - 2] = 0x8b;
}

static void func_ref_turn(struct rewrite *w, const struct func_ref *f)
{
	Elf64_Rela r = {.r_offset = f->offset,
			.r_info = ELF64_R_INFO(w->func_sym[f->func], f->type),
			.r_addend = f->type == R_X86_64_GOTPCREL ? -4 : 0};
	struct out_section *s = rela_of(w, f->shndx, w->o->sec[f->shndx].name);

	if (f->type == R_X86_64_GOTPCREL)
		lea_to_mov(w, f->shndx, f->offset);
	if (f->rela >= 0) {
		((Elf64_Rela *)s->data)[f->rela] = r;
		return;
	}
	s->add = xrealloc(s->add, (s->nadd + 1) * sizeof(r));
	s->add[s->nadd++] = r;
}

static void added_join(struct out_section *s)
{
	char *all;

	if (!s->nadd)
		return;
	all = xmalloc(s->sh.sh_size + s->nadd * sizeof(*s->add));
	if (s->sh.sh_size)
		memcpy(all, s->data, s->sh.sh_size);
	memcpy(all + s->sh.sh_size, s->add, s->nadd * sizeof(*s->add));
	if (s->own)
		free(s->data);
	s->data = all;
	s->own = true;
	s->sh.sh_size += s->nadd * sizeof(*s->add);
}

/* --- the descriptor ------------------------------------------------------- */

/* The 32-bit field at AT of the descriptor is the distance to the place. */
static void desc_distance(struct rewrite *w, size_t at, uint32_t shndx,
			  uint64_t offset)
{
	w->desc_rela =
	    xrealloc(w->desc_rela, (w->ndesc_rela + 1) * sizeof(*w->desc_rela));
	w->desc_rela[w->ndesc_rela++] =
	    (Elf64_Rela){.r_offset = at,
			 .r_info =
			     ELF64_R_INFO(w->sec_sym[shndx], R_X86_64_PC32),
			 .r_addend = (int64_t)offset};
}

static uint32_t desc_string(struct text *strings, uint32_t base, const char *s)
{
	uint32_t at = base + (uint32_t)strings->len;

	text_add(strings, s, strlen(s) + 1);
	return at;
}

static struct hw_func desc_func(struct rewrite *w, size_t i)
{
	const struct func *f = &w->o->funcs[w->id_func[i]];

	return (
	    struct hw_func){.flags =
				(func_global(w->o, f) ? HW_FUNC_GLOBAL : 0) |
				(f->addressed ? HW_FUNC_ADDRESSED : 0) |
				(func_weak(w->o, f) ? HW_FUNC_WEAK : 0),
			    .size = (uint32_t)w->o->syms[f->sym].st_size};
}

static uint64_t tls_size(const struct object *o, uint32_t sym)
{
	const Elf64_Sym *s = &o->syms[sym];
	const struct section *sec = &o->sec[s->st_shndx];
	uint64_t size;

	/* An emulated thread-local's control object: {size, align, 0, init}. */
	if (!starts_with(sym_name(o, sym), "__emutls_v.") || !sec->data ||
	    s->st_value + sizeof(size) > sec->sh->sh_size)
		return 0;
	memcpy(&size, sec->data + s->st_value, sizeof(size));
	return size;
}

static struct hw_var desc_var(struct rewrite *w, const struct var *v)
{
	struct object *o = w->o;
	const Elf64_Sym *s = &o->syms[v->sym];
	struct hw_var d = {.size = s->st_size, .align = 1};

	if (v->shndx == SHN_COMMON) {
		d.flags = HW_VAR_GLOBAL;
		d.align = (uint32_t)s->st_value;
		return d;
	}
	d.align = (uint32_t)o->sec[v->shndx].sh->sh_addralign;
	if (sec_const(&o->sec[v->shndx]))
		d.flags |= HW_VAR_CONST;
	if (v->labels || o->vars[o->sec[v->shndx].var - 1].labels)
		d.flags |= HW_VAR_LABELS;
	if (!v->sym) {
		d.flags |= HW_VAR_SECTION;
		d.size = o->sec[v->shndx].sh->sh_size;
		return d;
	}
	if (ELF64_ST_BIND(s->st_info) != STB_LOCAL)
		d.flags |= HW_VAR_GLOBAL;
	d.tls_size = tls_size(o, v->sym);
	if (d.tls_size)
		d.flags |= HW_VAR_TLS;
	/* What a thread's copy starts from is not a constant of the code: a
	 * control object of an older version keeps pointing to it. */
	if (starts_with(sym_name(o, v->sym), "__emutls_t."))
		d.flags &= ~(uint32_t)HW_VAR_CONST;
	return d;
}

static char *var_id(struct rewrite *w, const struct var *v)
{
	if (v->sym)
		return symbol_id(w, v->sym);
	return xasprintf("%s:[%s]", w->module, w->o->sec[v->shndx].name);
}

static void desc_funcs(struct rewrite *w, struct hw_module *m,
		       struct text *strings, uint32_t base)
{
	m->funcs = (uint32_t)w->desc.len;
	m->nfuncs = (uint32_t)w->nids;
	for (size_t i = 0; i < w->nids; i++) {
		struct hw_func f = desc_func(w, i);
		const Elf64_Sym *s =
		    &w->o->syms[w->o->funcs[w->id_func[i]].sym];

		f.name = desc_string(strings, base, w->ids[i]);
		desc_distance(w, w->desc.len + offsetof(struct hw_func, entry),
			      s->st_shndx, s->st_value);
		text_add(&w->desc, &f, sizeof(f));
	}
}

static void desc_vars(struct rewrite *w, struct hw_module *m,
		      struct text *strings, uint32_t base)
{
	m->vars = (uint32_t)w->desc.len;
	m->nvars = (uint32_t)w->o->nvars;
	for (size_t i = 0; i < w->o->nvars; i++) {
		const struct var *v = &w->o->vars[i];
		struct hw_var d = desc_var(w, v);
		char *id = var_id(w, v);

		d.name = desc_string(strings, base, id);
		free(id);
		if (v->shndx != SHN_COMMON)
			desc_distance(w,
				      w->desc.len +
					  offsetof(struct hw_var, addr),
				      v->shndx,
				      v->sym ? w->o->syms[v->sym].st_value : 0);
		text_add(&w->desc, &d, sizeof(d));
	}
}

/* Calls are made direct in version 0 only: codeserver/direct.c. */
static bool ref_counts(const struct rewrite *w, const struct var_ref *r)
{
	return r->kind != HW_REF_CALL || !w->reload;
}

static size_t refs_count(const struct rewrite *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->o->nvrefs; i++)
		n += ref_counts(w, &w->o->vrefs[i]);
	return n;
}

static void desc_refs(struct rewrite *w, struct hw_module *m)
{
	m->refs = (uint32_t)w->desc.len;
	m->nrefs = (uint32_t)refs_count(w);
	for (size_t i = 0; i < w->o->nvrefs; i++) {
		const struct var_ref *r = &w->o->vrefs[i];
		struct hw_ref d = {.var = r->var & 0xffffff,
				   .kind = r->kind & 0xff};

		if (!ref_counts(w, r))
			continue;
		desc_distance(w, w->desc.len + offsetof(struct hw_ref, site),
			      r->shndx, r->offset);
		text_add(&w->desc, &d, sizeof(d));
	}
}

static int hash_bytes(struct object *o, uint8_t out[HW_HASH_SIZE], char **err)
{
	char hex[33];

	if (object_hash(o, hex, err) < 0)
		return -1;
	for (int i = 0; i < HW_HASH_SIZE; i++) {
		unsigned byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return 0;
}

static int descriptor_make(struct rewrite *w, char **err)
{
	struct hw_module m = {.abi = HW_ABI};
	struct text strings = {0};
	uint32_t base =
	    (uint32_t)(sizeof(m) + w->nids * sizeof(struct hw_func) +
		       w->o->nvars * sizeof(struct hw_var) +
		       refs_count(w) * sizeof(struct hw_ref));

	memcpy(m.magic, HW_MAGIC, sizeof(m.magic));
	if (hash_bytes(w->o, m.hash, err) < 0)
		return -1;
	/* In this order every struct is aligned: 8, 8 (vars), then 4. */
	text_add(&w->desc, &m, sizeof(m));
	desc_vars(w, &m, &strings, base);
	desc_funcs(w, &m, &strings, base);
	desc_refs(w, &m);
	m.name = desc_string(&strings, base, w->module);
	m.source = desc_string(&strings, base, w->source);
	text_add(&w->desc, strings.s, strings.len);
	m.size = (uint32_t)w->desc.len;
	memcpy(w->desc.s, &m, sizeof(m));
	text_free(&strings);
	return 0;
}

static void descriptor_sections(struct rewrite *w)
{
	char *symbol = xasprintf("%s%s", HW_MODULE_SYMBOL, w->module);
	struct out_section *s;
	size_t index = w->nsec;

	s = section_new(w, ".hw.module",
			(Elf64_Shdr){.sh_type = SHT_PROGBITS,
				     .sh_flags = SHF_ALLOC,
				     .sh_addralign = 8});
	s->sh.sh_size = w->desc.len;
	s->data = w->desc.s;
	global_add(w, symbol, (uint32_t)index, w->desc.len);
	free(symbol);
	/* What crtbeginS.o would define, for atexit and pthread_atfork of
	 * libc_nonshared.a: any value that is no other object's will do. */
	global_add(w, "__dso_handle", (uint32_t)index, 8);
	w->globals[w->nglobals - 1].st_other = STV_HIDDEN;
	s = section_new(w, ".rela.hw.module",
			(Elf64_Shdr){.sh_type = SHT_RELA,
				     .sh_flags = SHF_INFO_LINK,
				     .sh_link = (Elf64_Word)w->o->symtab,
				     .sh_info = (Elf64_Word)index,
				     .sh_addralign = 8,
				     .sh_entsize = sizeof(Elf64_Rela)});
	s->data = w->desc_rela;
	s->sh.sh_size = w->ndesc_rela * sizeof(Elf64_Rela);
}

static void types_section(struct rewrite *w)
{
	struct types_site *sites;
	struct out_section *s;
	size_t index = w->nsec, n;
	Elf64_Rela *r;

	types_uses(w->o, w->module, &w->types, &sites, &n);
	s = section_new(w, LAYOUT_SECTION,
			(Elf64_Shdr){.sh_type = SHT_PROGBITS,
				     .sh_addralign = 8});
	s->sh.sh_size = w->types.len;
	s->data = w->types.s;
	r = xcalloc(n, sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *f = &w->o->syms[sites[i].sym];

		r[i] =
		    (Elf64_Rela){.r_offset = sites[i].offset,
				 .r_info = ELF64_R_INFO(w->sec_sym[f->st_shndx],
							R_X86_64_64),
				 .r_addend = (int64_t)f->st_value};
	}
	free(sites);
	s = rela_of(w, (uint32_t)index, LAYOUT_SECTION);
	s->data = r;
	s->own = true;
	s->sh.sh_size = n * sizeof(*r);
}

/* --- sections ------------------------------------------------------------- */

static bool is_constructor_list(const Elf64_Shdr *sh, const char *name)
{
	return sh->sh_type == SHT_INIT_ARRAY || sh->sh_type == SHT_FINI_ARRAY ||
	       sh->sh_type == SHT_PREINIT_ARRAY ||
	       starts_with(name, ".ctors") || starts_with(name, ".dtors");
}

static int section_copy(struct rewrite *w, size_t i, char **err)
{
	const struct section *s = &w->o->sec[i];
	struct out_section *out = &w->sec[i];

	out->sh = *s->sh;
	out->data = s->data;
	if (s->sh->sh_type == SHT_SYMTAB_SHNDX)
		return fail(err, "%s: over 65 000 sections", w->o->label);
	if (w->reload && (s->sh->sh_flags & SHF_TLS) && s->sh->sh_size)
		return fail(err,
			    "%s: has thread-local variables that are not "
			    "emulated (section %s): it cannot be reloaded; "
			    "restart the program",
			    w->o->label, s->name);
	if (s->sh->sh_type == SHT_LLVM_ADDRSIG) {
		out->sh.sh_type = SHT_PROGBITS; /* it holds symbol numbers */
		out->sh.sh_size = 0;
	}
	if (s->sh->sh_type == SHT_GROUP && s->sh->sh_info < w->o->nsyms)
		out->sh.sh_info = w->map[s->sh->sh_info];
	if (s->sh->sh_type == SHT_RELA)
		rela_copy(w, i);
	if (w->reload && is_constructor_list(s->sh, s->name)) {
		out->sh.sh_type = SHT_PROGBITS;
		out->sh.sh_name = section_name_add(w, ".hw.init");
	}
	return 0;
}

static void strings_write(struct rewrite *w, size_t shstrndx)
{
	size_t strndx = w->o->sec[w->o->symtab].sh->sh_link;

	w->sec[strndx].data = w->strtab.s;
	w->sec[strndx].sh.sh_size = w->strtab.len;
	if (w->one_strtab)
		return;
	w->sec[shstrndx].data = w->shstrtab.s;
	w->sec[shstrndx].sh.sh_size = w->shstrtab.len;
}

static int rewrite_make(struct rewrite *w, char **err)
{
	struct object *o = w->o;
	const struct section *str = &o->sec[o->sec[o->symtab].sh->sh_link];
	size_t shstrndx;

	elf_getshdrstrndx(o->elf, &shstrndx);
	w->one_strtab = o->sec[o->symtab].sh->sh_link == shstrndx;
	text_add(&w->strtab, str->data, str->sh->sh_size);
	if (!w->one_strtab)
		text_add(&w->shstrtab, o->sec[shstrndx].data,
			 o->sec[shstrndx].sh->sh_size);
	section_symbols(w);
	func_symbols(w);
	symbols_map(w);
	for (size_t i = 1; i < o->nsec; i++)
		if (section_copy(w, i, err) < 0)
			return -1;
	for (size_t i = 0; i < o->nfrefs; i++)
		func_ref_turn(w, &o->frefs[i]);
	for (size_t i = 0; i < w->nsec; i++)
		added_join(&w->sec[i]);
	if (descriptor_make(w, err) < 0)
		return -1;
	descriptor_sections(w);
	types_section(w);
	symtab_write(w);
	strings_write(w, shstrndx);
	return 0;
}

static int section_emit(Elf *elf, const struct out_section *s)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *d = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *sh = scn ? elf64_getshdr(scn) : NULL;

	if (!d || !sh)
		return -1;
	*sh = s->sh;
	d->d_buf = s->data;
	d->d_size = s->sh.sh_size;
	d->d_align = s->sh.sh_addralign ? s->sh.sh_addralign : 1;
	d->d_type = ELF_T_BYTE; /* same machine on both sides */
	return 0;
}

static int rewrite_emit(struct rewrite *w, const char *out, char **err)
{
	int fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), r = 0;
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_WRITE, NULL);
	Elf64_Ehdr *eh = elf ? elf64_newehdr(elf) : NULL;
	size_t shstrndx;

	if (fd < 0)
		return fail(err, "%s: %s", out, strerror(errno));
	if (eh) {
		elf_getshdrstrndx(w->o->elf, &shstrndx);
		*eh = *elf64_getehdr(w->o->elf);
		eh->e_shstrndx = (Elf64_Half)shstrndx;
		for (size_t i = 1; r == 0 && i < w->nsec; i++)
			r = section_emit(elf, &w->sec[i]);
		if (r == 0 && elf_update(elf, ELF_C_WRITE) < 0)
			r = -1;
	}
	if (!eh || r < 0)
		r = fail(err, "%s: %s", out, elf_errmsg(-1));
	if (elf)
		elf_end(elf);
	close(fd);
	return r;
}

static void rewrite_free(struct rewrite *w)
{
	for (size_t i = 0; i < w->nsec; i++) {
		if (w->sec[i].own)
			free(w->sec[i].data);
		free(w->sec[i].add);
	}
	for (size_t i = 0; w->ids && i < w->nids; i++)
		free(w->ids[i]);
	free(w->ids);
	free(w->id_func);
	free(w->sec);
	free(w->map);
	free(w->sec_sym);
	free(w->func_sym);
	free(w->locals);
	free(w->globals);
	free(w->desc_rela);
	text_free(&w->strtab);
	text_free(&w->shstrtab);
	text_free(&w->desc);
	text_free(&w->types);
}

int object_rewrite(struct object *o, const char *module, const char *source,
		   bool reload, const char *out, char ***funcs, size_t *nfuncs,
		   char **err)
{
	struct rewrite w = {.o = o,
			    .module = module,
			    .source = source,
			    .reload = reload,
			    .nsec = o->nsec};
	int r = -1;

	if (object_scan(o, err) < 0)
		return -1;
	w.sec = xcalloc(w.nsec, sizeof(*w.sec));
	w.map = xcalloc(o->nsyms, sizeof(*w.map));
	w.sec_sym = xcalloc(o->nsec, sizeof(*w.sec_sym));
	w.func_sym = xcalloc(o->nfuncs, sizeof(*w.func_sym));
	if (rewrite_make(&w, err) < 0 || rewrite_emit(&w, out, err) < 0)
		goto out;
	if (funcs) {
		*funcs = w.ids;
		*nfuncs = w.nids;
		w.ids = NULL;
	}
	r = 0;
out:
	rewrite_free(&w);
	return r;
}
