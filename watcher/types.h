/* SPDX-License-Identifier: MIT
 *
 * The types in an object, from debug information to the section .hw.types
 * (codeserver/layout-format.h) and to the hashes in the descriptor.
 *
 *   types-uses.c   before the link: the functions, and what each refers to
 *   types-find.c   after it: looks for variables, functions and pointers in
 *                  the debug information
 *   types-dwarf.c  makes a type of a debugging entry
 *   types-spelt.c  spells it as the source did
 *   types-table.c  keeps each type once
 *   types-hash.c   hashes them, deeply
 *   types-emit.c   writes the section
 *   types-own.c    before the link: the variables' layouts, as a hash
 *
 * Any thread may call what is declared first; the rest is the files' own.
 */
#ifndef WATCHER_TYPES_H
#define WATCHER_TYPES_H

#include <elf.h>
#include <elfutils/libdw.h>

#include "codeserver/layout.h"
#include "watcher/util.h"

/*
 * A variable to look for.
 *
 * Its hash covers the layout of everything that can be reached from it,
 * through members, arrays, pointers and function pointers: names, offsets and
 * types of members, sizes, enumerators. It does not see typedef names, const,
 * volatile, restrict, and of an incomplete type only its name. It is the same
 * whatever else the module holds, in any order: equal hashes mean that nothing
 * changed, different ones not that something matters.
 */
struct types_var {
	uint64_t addr;    /* in: link-time address; 0: go by the name */
	const char *name; /* in: the name, or FUNCTION.NAME if it is inside
			   * one; used only if addr is 0, which is for
			   * emulated thread-locals: their debug information
			   * has no usable address */
	const char *id;   /* in: for the section; may be NULL without one */
	uint64_t size;    /* in: bytes; 0: not known */
	bool section;     /* in: it is a whole section, with variables in it */
	uint64_t hash;    /* out; 0: not known */
	/* out */
	uint32_t type; /* in the table; LAYOUT_UNKNOWN */
	uint32_t spelt, file, line;
};

/*
 * Reads the linked object PATH once, and fills all N variables. USES (may be
 * NULL) is the section that types_uses made, as it was linked; *SECTION then
 * gets the whole one. A file without debug information gives 0, hashes of 0,
 * and a section without types. -1 and *err (malloc'd): it cannot be read.
 */
int types_read(const char *path, struct types_var *v, size_t n,
	       const struct layout *uses, struct text *section, char **err);

/* A place of the section that the link fills: the address of function SYM. */
struct types_site {
	uint64_t offset;
	uint32_t sym;
};

struct object;

/*
 * The section of the scanned object O as far as it is known before the link:
 * its functions (ids for module MODULE), variables, and what refers to what.
 * *SITES, malloc'd, *NSITES of them.
 */
void types_uses(const struct object *o, const char *module,
		struct text *section, struct types_site **sites,
		size_t *nsites);

/*
 * A hash of how the variables of the object O lie in memory (types-own.c); 0:
 * it has none, or no debug information.
 */
uint64_t types_own(struct object *o);

/* --- the table (types-table.c) -------------------------------------------- */

struct types {
	struct layout_type *types;
	uint32_t n, cap;
	struct layout_part *parts;
	uint32_t nparts, capparts;
	struct text strings;
	/* All three: 1 + index, 0 if free; a power of two of them. */
	uint32_t *by_string, *by_type, *by_die;
	uint32_t nstrings, ntypes; /* used */
	uint32_t capstrings, captypes, capdies;
	struct types_die *dies;
	uint32_t ndie, capdie;
	Dwarf_Die *todo; /* structs, unions, enums without their parts */
	uint32_t ntodo, captodo;
	bool several; /* units: a type may be there more than once */
};

/* What is known of a debugging entry. */
struct types_die {
	const void *key;  /* its address */
	const char *name; /* a typedef's, if it has none itself */
	uint32_t type;    /* 0: not yet, or not known */
	bool busy;
};

void types_begin(struct types *t);
void types_end(struct types *t);
uint32_t types_string(struct types *t, const char *s);
/* A type of its own, whatever others are like. */
uint32_t types_new(struct types *t, const struct layout_type *type);
/* The one like TYPE, whose N parts are in PARTS; made if there is none. */
uint32_t types_like(struct types *t, struct layout_type type,
		    const struct layout_part *parts, size_t n);
void types_parts_set(struct types *t, uint32_t type,
		     const struct layout_part *parts, size_t n);
struct types_die *types_die(struct types *t, const void *key);

/* --- debugging entries (types-dwarf.c) ------------------------------------ */

/* The type that DIE's DW_AT_type names; LAYOUT_VOID if it names none. */
uint32_t types_of(struct types *t, Dwarf_Die *die);
/* The type that TYPE, neither typedef nor qualifier, is. */
uint32_t types_is(struct types *t, Dwarf_Die *type);
/* The type of the function DIE. */
uint32_t types_function(struct types *t, Dwarf_Die *die);
/* Completes what types_of only noted: structs, unions, enums. */
void types_complete(struct types *t);
/* DIE is a typedef: what has no name of its own has this one. */
void types_typedef(struct types *t, Dwarf_Die *die);
/* The declared type of DIE with its typedefs' names, as a string. */
uint32_t types_spelt(struct types *t, Dwarf_Die *die);
/* Follows a reference; false: there is none, which for a type means void. */
bool types_follow(Dwarf_Die *die, unsigned at, Dwarf_Die *to);
/* An attribute that is a constant; 0 if it is not there. */
uint64_t types_number(Dwarf_Die *die, unsigned at);

/* --- hashes (types-hash.c) ------------------------------------------------ */

struct types_hash;

struct types_hash *types_hash_new(const struct types *t);
void types_hash_free(struct types_hash *h);
/* Never 0. The table must be complete. */
uint64_t types_hash_deep(struct types_hash *h, uint32_t type);
/* The same of the type's own bytes: what pointers lead to counts by its name.
 */
uint64_t types_hash_own(struct types_hash *h, uint32_t type);
/* Of the set of the N hashes in V, which gets sorted; never 0. */
uint64_t types_hash_set(uint64_t *v, size_t n);

/* --- the section (types-emit.c) ------------------------------------------- */

struct types_func {
	uint32_t type, file, line;
};

struct types_local {
	uint32_t func, name, type;
};

/* What the section says besides types. FUNCS go with uses->funcs. */
struct types_content {
	const struct layout *uses;
	const struct types_var *vars;
	size_t nvars;
	const struct types_func *funcs;
	const struct types_local *locals;
	size_t nlocals;
};

void types_emit(const struct types *t, const struct types_content *c,
		struct text *section);

/* A section of these tables, which are in the header's order; the header has
 * how many of each there are, and gets the rest. */
void types_join(struct layout_header *h, const void *const tables[7],
		struct text *section);

#endif
