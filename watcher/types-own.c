/* SPDX-License-Identifier: MIT
 *
 * How the variables of an object lie in memory, as a hash, before the link.
 *
 * It is part of the content hash, because a change of a variable's type may
 * leave no other trace in the object that defines it: who includes the header
 * uses the new offsets, while the object itself touches none of those members.
 * (A patch of Redis added a member to its `server` before members that server.c
 * does not use, into what was padding.) If such an object counted as unchanged,
 * the others would be loaded, and the variable never converted.
 *
 * It covers a variable's own bytes. What it points to is compared where code
 * uses it (layout_reach). Debug information in an object has its relocations
 * still to be applied; they are of no use to a linker afterwards, which applies
 * them again, so that is done in place.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/object-internal.h"
#include "watcher/types.h"

struct own {
	const char *name;
	uint32_t type;
};

struct search {
	struct types t;
	struct own *v;
	size_t n, cap;
};

/* --- relocations ---------------------------------------------------------- */

static void relocation_apply(const struct object *o, const struct section *s,
			     const Elf64_Rela *r)
{
	uint64_t value =
	    o->syms[ELF64_R_SYM(r->r_info)].st_value + (uint64_t)r->r_addend;
	size_t size;

	switch (ELF64_R_TYPE(r->r_info)) {
	case R_X86_64_64:
		size = 8;
		break;
	case R_X86_64_32:
		size = 4;
		break;
	default:
		return;
	}
	if (size <= s->sh->sh_size - r->r_offset)
		memcpy(s->data + r->r_offset, &value, size);
}

/* False: there is nothing that could be read. */
static bool relocations_apply(const struct object *o)
{
	bool there = false;

	for (size_t i = 1; i < o->nsec; i++) {
		const struct section *s = &o->sec[i];
		const Elf64_Rela *r = (const Elf64_Rela *)o->sec[s->rela].data;
		size_t n;

		if (!starts_with(s->name, ".debug_") || !s->data)
			continue;
		if (s->sh->sh_flags & SHF_COMPRESSED)
			return false;
		there |= !strcmp(s->name, ".debug_info");
		n = s->rela ? o->sec[s->rela].sh->sh_size / sizeof(*r) : 0;
		for (size_t k = 0; k < n; k++)
			relocation_apply(o, s, &r[k]);
	}
	return there;
}

/* --- variables ------------------------------------------------------------ */

/* A local variable that is not on the stack. */
static bool is_static(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	Dwarf_Block b;

	return dwarf_attr(die, DW_AT_location, &a) &&
	       dwarf_formblock(&a, &b) == 0 && b.length &&
	       (b.data[0] == DW_OP_addr || b.data[0] == DW_OP_addrx);
}

static void variable(struct search *s, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = (struct own){name ? name : "", types_of(&s->t, die)};
}

static void walk(struct search *s, Dwarf_Die *die, bool inside)
{
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0;
	     r = dwarf_siblingof(&child, &child)) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
			if (inside ? is_static(&child)
				   : !dwarf_hasattr(&child, DW_AT_declaration))
				variable(s, &child);
			break;
		case DW_TAG_typedef:
			if (!inside)
				types_typedef(&s->t, &child);
			break;
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
			walk(s, &child, true);
			break;
		default:
			break;
		}
	}
}

/* --- the hash ------------------------------------------------------------- */

static uint64_t hash(const struct search *s)
{
	struct types_hash *h = types_hash_new(&s->t);
	uint64_t *v = xcalloc(s->n + 1, sizeof(*v)), all;

	for (size_t i = 0; i < s->n; i++)
		v[i] = hw_checksum(types_hash_own(h, s->v[i].type),
				   s->v[i].name, strlen(s->v[i].name));
	all = types_hash_set(v, s->n);
	free(v);
	types_hash_free(h);
	return all;
}

static uint64_t read_all(Dwarf *dbg)
{
	struct search s = {0};
	Dwarf_CU *cu = NULL;
	uint64_t all = 0;
	uint8_t kind;
	Dwarf_Die die;

	types_begin(&s.t);
	while (dwarf_get_units(dbg, cu, &cu, NULL, &kind, &die, NULL) == 0) {
		if (kind != DW_UT_type)
			walk(&s, &die, false);
		types_complete(&s.t);
	}
	if (s.n)
		all = hash(&s);
	types_end(&s.t);
	free(s.v);
	return all;
}

static bool has_variables(const struct object *o)
{
	for (size_t i = 1; i < o->nsec; i++)
		if (sec_counts(&o->sec[i]) && !sec_const(&o->sec[i]) &&
		    o->sec[i].sh->sh_size &&
		    o->sec[i].sh->sh_type != SHT_INIT_ARRAY &&
		    o->sec[i].sh->sh_type != SHT_FINI_ARRAY)
			return true;
	return false;
}

uint64_t types_own(struct object *o)
{
	uint64_t all = 0;
	Dwarf *dbg;

	if (!has_variables(o) || !relocations_apply(o))
		return 0;
	dbg = dwarf_begin_elf(o->elf, DWARF_C_READ, NULL);
	if (dbg) {
		all = read_all(dbg);
		dwarf_end(dbg);
	}
	return all;
}
