/* SPDX-License-Identifier: MIT
 *
 * A program on its way through the hot link, as the parts of hotwatch cc hand
 * it on:
 *
 *	cc-trace.c    which objects and libraries the native link takes
 *	cc-last.c     what of the last link can be used again
 *	cc-inspect.c  which of the objects are modules
 *	cc-name.c     the project's root, the modules' names
 *	cc-modules.c  rewrite and link what changed
 *	stubs.c       the stubs' object
 *	cc-exe.c      the executable
 *
 * Functions return 0 or a status as in cc.h. One thread; what says so also
 * runs on several, each on another unit.
 */
#ifndef WATCHER_CC_PROGRAM_H
#define WATCHER_CC_PROGRAM_H

#include "watcher/cc-elf.h"
#include "watcher/cc.h"
#include "watcher/manifest.h"
#include "watcher/strmap.h"
#include "watcher/util.h"

struct object;

/* One object of the native link. */
struct unit {
	char *path;      /* as the linker names it: an object, or an archive */
	char *member;    /* in that archive, or NULL */
	long offset;     /* of the member in the archive, or 0 */
	bool hot;        /* it becomes a module */
	bool reused;     /* the module's file of the last link will do */
	bool overridden; /* another has a stronger definition of a variable */
	struct manifest_module m;
	uint64_t sum;                      /* of the object's bytes */
	const struct manifest_module *was; /* of the last link, same bytes */
	struct elf_ties ties;
	struct object *o; /* open while it may be rewritten, or NULL */
	char *rewritten;  /* temporary object, if not reused */
	uint64_t bound;   /* of its size once linked */
	struct elf_func *funcs;
	size_t nfuncs;
	uint64_t tls; /* bytes of thread-locals */
};

struct program {
	struct cc *cc;
	char *output;    /* the executable, absolute */
	char *hot, *obj; /* OUTPUT.hot, OUTPUT.hot/obj */
	char *tmp;       /* OUTPUT.hot/tmp-PID, removed at the end */
	char **objects;  /* by input: what a source was compiled to, or NULL */
	char *root;      /* the project's */
	struct unit *units;
	size_t nunits;
	struct strv libs;     /* for the modules' links; see manifest.h */
	struct manifest *old; /* of the last link, or NULL */
	char *key;            /* what else a module's file depends on */
	struct strmap last;   /* by an object's sum: its module in old */
	uint64_t stubs_room;  /* between the arena's start and the modules */
	char *stubs;
	uint64_t next_base;
};

/* --- cc-trace.c --- */

/*
 * Runs the native link (its result is thrown away), so that the linker's
 * messages and status are the user's, and fills units and libs.
 */
int cc_trace(struct program *p, char **err);

/* --- cc-name.c --- */

/* Fills root and the names of all hot units. */
void cc_name(struct program *p);

/* --- cc-last.c --- */

/* What the last link of this program left: old, key and last. That there was
 * none is no error. */
void cc_last_read(struct program *p);
int cc_last_write(const struct program *p, char **err);

/* --- cc-inspect.c --- */

/* Reads all units: which become modules, their records and hashes. */
int cc_inspect(struct program *p, char **err);

/* --- cc-modules.c --- */

/* Files, bases, sizes and functions of all modules. */
int cc_modules(struct program *p, char **err);

/* --- cc-exe.c --- */

/* The words of the user's link, sources replaced by their objects, for the
 * native link. */
void cc_native_words(const struct program *p, struct strv *argv);
int cc_exe_link(struct program *p, char **err);

#endif
