/* SPDX-License-Identifier: MIT
 *
 * What symbolize.c (files, code) and symbolize-data.c (variables) share.
 */
#ifndef WATCHER_SYMBOLIZE_INTERNAL_H
#define WATCHER_SYMBOLIZE_INTERNAL_H

#include "watcher/symbolize.h"

#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>

/* A file that was opened. Dwarf is NULL if it has no debug information. */
struct symbol_object {
	char *path;
	uint64_t stamp; /* of the file when it was opened */
	uint64_t used;  /* counts up: the oldest goes first */
	int fd;
	Elf *elf;
	Dwarf *dwarf;
};

/* A symbol's name and where it begins. */
struct symbol_found {
	const char *name; /* in the file's memory */
	uint64_t begin;
};

/* The symbol of TYPE (STT_FUNC, STT_OBJECT) that OFFSET lies in. */
bool symbol_find(const struct symbol_object *o, unsigned char type,
		 uint64_t offset, struct symbol_found *found);

/* "el" of a member, "[3].fn": the way from the variable NAME, which begins at
 * BEGIN, to the place OFFSET bytes into it; "" for its start. malloc'd; NULL:
 * no debug information tells. */
char *symbol_member(const struct symbol_object *o, uint64_t begin,
		    uint64_t offset);

#endif
