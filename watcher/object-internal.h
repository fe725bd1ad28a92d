/* SPDX-License-Identifier: MIT
 *
 * What object.c, refs.c, contenthash.c and rewrite.c share: an object in
 * memory, its sections by index, and what was found in it. Nobody else
 * includes this.
 */
#ifndef WATCHER_OBJECT_INTERNAL_H
#define WATCHER_OBJECT_INTERNAL_H

#include <elf.h>
#include <libelf.h>
#include <string.h>

#include "watcher/object.h"
#include "watcher/util.h"

struct section {
	const char *name;
	Elf64_Shdr *sh;
	unsigned char *data; /* NULL for SHT_NOBITS */
	size_t rela;         /* index of the section that relocates it, or 0 */
	/* Its defined function and data symbols, ordered by value. */
	uint32_t *syms;
	size_t nsyms;
	uint32_t var; /* 1 + index of the variable it holds, or 0 */
};

struct func {
	uint32_t sym;
	bool addressed;
};

struct var {
	uint32_t sym; /* 0: the whole section */
	uint32_t shndx;
	bool labels;
};

/* A place that names a function by address, to be turned to its stub. */
struct func_ref {
	uint32_t shndx;  /* the section that holds the place */
	uint32_t type;   /* R_X86_64_64, or R_X86_64_GOTPCREL for a lea */
	uint64_t offset; /* of the 8 or 4 bytes */
	uint32_t func;   /* index into funcs */
	int64_t rela;    /* index of its relocation, -1: it has none */
};

struct var_ref {
	uint32_t shndx;
	uint32_t kind; /* HW_REF_* */
	uint64_t offset;
	uint32_t var;
};

struct object {
	char *label; /* path, or path(member), for messages */
	char *buf;
	size_t len;
	Elf *elf;
	struct section *sec;
	size_t nsec;
	Elf64_Sym *syms;
	uint32_t nsyms, first_global;
	const char *strtab;
	size_t symtab; /* section index */
	char *record;

	bool scanned; /* what follows is filled */
	struct func *funcs;
	size_t nfuncs;
	struct var *vars;
	size_t nvars;
	struct func_ref *frefs;
	size_t nfrefs;
	struct var_ref *vrefs;
	size_t nvrefs;
	int32_t *func_of; /* by symbol: index into funcs or -1 */
	int32_t *var_of;  /* by symbol: index into vars or -1 */
	bool *direct; /* by symbol: reached without the GOT, in the module */

	struct object_symbol *list;
	char hash[33];
};

static inline const char *sym_name(const struct object *o, uint32_t sym)
{
	return o->strtab + o->syms[sym].st_name;
}

static inline bool sec_exec(const struct section *s)
{
	return s->sh->sh_flags & SHF_EXECINSTR;
}

/* An allocated section whose relocations are references of the program. */
static inline bool sec_counts(const struct section *s)
{
	return (s->sh->sh_flags & SHF_ALLOC) && s->sh->sh_type != SHT_NOTE &&
	       s->sh->sh_type != SHT_X86_64_UNWIND &&
	       strcmp(s->name, ".eh_frame") != 0;
}

/* Memory that the program never writes: a constant. */
static inline bool sec_const(const struct section *s)
{
	return !(s->sh->sh_flags & SHF_WRITE) ||
	       starts_with(s->name, ".data.rel.ro");
}

/* The four bytes at FIELD are the displacement of a lea from %rip. */
static inline bool ref_is_lea(const struct section *s, uint64_t field)
{
	const unsigned char *p = s->data + field;

	return field >= 3 && (p[-3] & 0xf8) == 0x48 && p[-2] == 0x8d &&
	       (p[-1] & 0xc7) == 0x05;
}

/* refs.c: finds functions, variables, and the references to them. */
int object_scan(struct object *o, char **err);

/* redzones.c: a symbol's size is its variable's, under AddressSanitizer too. */
void redzones_forget(struct object *o);

#endif
