/* SPDX-License-Identifier: MIT
 *
 * A compiled object (.o) and its way to a module's shared object.
 *
 *   object_open     reads a .o (or an archive's member) made by hotwatch cc
 *   object_rewrite  writes the steerable copy that modlink links
 *   modlink         links it, seals it, and renames it to its final name
 *
 * All functions return 0, or -1 with *err set to a message for the user
 * (malloc'd; what, where, and what to do). Any thread may call them; one
 * object is used by one thread at a time.
 */
#ifndef WATCHER_OBJECT_H
#define WATCHER_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;

/*
 * Opens PATH, or the bytes of member MEMBER of the archive PATH if MEMBER is
 * not NULL (the trace's "lib.a(member.o)"; OFFSET, if not 0, is the member's
 * header offset where names repeat, else the first of that name is taken).
 */
int object_open(struct object **o, const char *path, const char *member,
		long offset, char **err);
void object_close(struct object *o);

/* The record (a JSON text) that hotwatch cc left, or NULL: not our object. */
const char *object_record(const struct object *o);

/*
 * Content hash (see docs/architecture.md), 32 hex digits and a NUL. It covers
 * the ids of static functions only by their bare names, so it does not depend
 * on the module's name. Computed once, kept.
 */
int object_hash(struct object *o, char hex[33], char **err);

/* Defined function and data symbols, for stubs and for conflict checks. */
struct object_symbol {
	const char *name; /* as in the symbol table; lives as long as o */
	bool func;        /* else data */
	bool global;      /* else static */
	bool weak;
	bool needs_stub; /* in the descriptor: global, or address taken */
};
int object_symbols(struct object *o, const struct object_symbol **v, size_t *n,
		   char **err);

/*
 * Writes the steerable copy to the file OUT. MODULE is the module's name,
 * SOURCE its absolute path. RELOAD: constructors are disarmed. On success
 * *funcs is a malloc'd array of *nfuncs malloc'd ids, in the order of the
 * descriptor's funcs, and global_func[i] etc. can be had from the id: an id
 * with ':' is a static's.
 */
int object_rewrite(struct object *o, const char *module, const char *source,
		   bool reload, const char *out, char ***funcs, size_t *nfuncs,
		   char **err);

/*
 * The linking of a rewritten object. LIBS are shared libraries and static
 * runtime archives (paths), in order. The result is DIR/<STEM>-<16 hex>.so,
 * named by its own content; *file gets the malloc'd absolute path, *size the
 * bytes of address space it takes from BASE on (a multiple of the page size).
 * argv for the linker can be had alone, to run it under a loop of one's own:
 *   modlink_argv -> spawn -> modlink_seal (which also renames).
 */
struct modlink {
	const char *linker;     /* "ld.lld-19" */
	const char *object;     /* the rewritten object */
	const char *codeserver; /* path of libcodeserver.so */
	const char *const *libs;
	size_t nlibs;
	uint64_t base;
	const char *out; /* temporary file, same file system as DIR */
};
char **modlink_argv(const struct modlink *l); /* malloc'd, NULL-terminated;
					       * free with argv_free */
int modlink_seal(const char *out, const char *dir, const char *stem,
		 char **file, uint64_t *size, char **err);
void argv_free(char **argv);

#endif
