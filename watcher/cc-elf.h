/* SPDX-License-Identifier: MIT
 *
 * What the hot link asks of ELF files beside object.h: questions about a whole
 * file, of ours or not, that are answered from its tables alone. Files are
 * mapped, not read. Any thread.
 */
#ifndef WATCHER_CC_ELF_H
#define WATCHER_CC_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "watcher/util.h"

/* A file in memory; an archive's member from its own first byte on. */
struct elf_view {
	const unsigned char *data;
	size_t len;
	void *map;
	size_t map_len;
};

/* OFFSET: of a member's header in an archive, or 0. 0, or -1 and *err. */
int elf_view_open(struct elf_view *v, const char *path, long offset,
		  char **err);
void elf_view_close(struct elf_view *v);

/* What keeps an object from being a module of its own. */
struct elf_ties {
	struct strv sections; /* whose names are C's: may be __start_ed */
	struct strv bounds;   /* X of each __start_X, __stop_X it refers to */
	bool ifunc;           /* resolved before the code server is there */
	bool many;            /* more sections than a symbol can tell (ELF) */
	bool priority;        /* it has constructors with priorities */
	/* Variables that it defines for all, and those of them that another
	 * object's definition would override (weak, common). */
	struct strv strong, weak;
	struct strv commons; /* and their sizes */
	uint64_t *common_sizes;
};
void elf_ties_read(const struct elf_view *v, struct elf_ties *t);
void elf_ties_free(struct elf_ties *t);

/* No less than the address space that OBJECT takes once linked. */
uint64_t elf_bound(const struct elf_view *v);

/* The functions of a linked module, in the order of its descriptor. */
struct elf_func {
	char *id;
	bool weak; /* another module's global of that name goes first */
};
int elf_module_funcs(const struct elf_view *v, struct elf_func **funcs,
		     size_t *n);

/* Bytes that its thread-locals take in a block for all, at most. */
uint64_t elf_module_tls(const struct elf_view *v);

/* Names of variables that V, an executable, has taken over from its libraries
 * by copy relocations. */
void elf_copied(const struct elf_view *v, struct strv *names);

/* Whether V, a shared object, defines the dynamic symbol NAME. */
bool elf_defines(const struct elf_view *v, const char *name);

/* Adds what V needs (DT_NEEDED) to NAMES. */
void elf_needed(const struct elf_view *v, struct strv *names);

/* The name by which others need V, malloc'd; NULL: its file's. */
char *elf_soname(const struct elf_view *v);

#endif
