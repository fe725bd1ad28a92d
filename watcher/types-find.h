/* SPDX-License-Identifier: MIT
 *
 * What types-find.c and types-match.c share: one pass over the debug
 * information of one object. Nobody else includes this.
 */
#ifndef WATCHER_TYPES_FIND_H
#define WATCHER_TYPES_FIND_H

#include "watcher/types.h"

/* A debugging entry that may be about a variable. */
struct types_finding {
	size_t var;
	bool vague;
	uint32_t type, spelt, file, line;
	uint32_t name;   /* of a variable in a section, */
	uint64_t offset; /* and where in that */
};

struct types_search {
	struct types t;
	Dwarf_Die *unit; /* that is being read */
	unsigned units;
	struct types_var *vars;
	size_t nvars;
	struct types_var **by_addr; /* those with one, in its order */
	struct types_var **by_name; /* the others */
	size_t naddr, nname;
	bool sections; /* some are whole sections */
	struct types_finding *found;
	size_t nfound, capfound;
	const struct layout *uses;
	struct types_func *funcs; /* go with uses->funcs */
	uint32_t *funcs_by_addr;  /* indices */
	struct types_local *locals;
	size_t nlocals, capnoted;
	bool *noted; /* by type: a pointer of this type is in locals */
};

void types_match_begin(struct types_search *s, struct types_var *v, size_t n,
		       const struct layout *uses);
/* Settles which findings count. */
void types_match_end(struct types_search *s);
void types_match_free(struct types_search *s);

/* DIE is a variable in function FUNC (NULL: in none; "": not known which). */
void types_match_var(struct types_search *s, const char *func, Dwarf_Die *die);
/* The function at ADDR, or NULL; and what else begins there gets what it has.
 */
struct types_func *types_match_func(struct types_search *s, uint64_t addr);
void types_match_alike(struct types_search *s, const struct types_func *f,
		       uint64_t addr);
/* The file that DIE is declared in, as a string. */
uint32_t types_file(struct types_search *s, Dwarf_Die *die);

#endif
