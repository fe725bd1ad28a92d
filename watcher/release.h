/* SPDX-License-Identifier: MIT
 *
 * Releases: how running programs get from one build to another and back, as
 * Erlang's .appup and .relup files say it. A release is a JSON file (its shape
 * is in docs/releases.md and docs/release.schema.json) and a folder of objects.
 *
 *   release.c          memory, the words of the file in one table
 *   release-read.c     the file, strictly; release-step.c, an instruction
 *   release-write.c    the file, made from what `hotwatch check` compared
 *   release-plan.c     its instructions as single orders, in their order
 *   release-target.c   one target: its connection, what it runs
 *   release-order.c    one order, carried out in one target
 *   release-undo.c     and taken back
 *   release-link.c     the modules' files, for the targets' free places
 *   release-apply.c    all targets: prepare, carry out, take back
 *   release-tell.c     what became of it, for a person and as JSON
 *
 * Release and plan are read-only once made; any thread may read them.
 */
#ifndef WATCHER_RELEASE_H
#define WATCHER_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "watcher/util.h"

enum release_verb {
	RELEASE_LOAD_MODULE,
	RELEASE_UPDATE,
	RELEASE_DELETE_MODULE,
	RELEASE_SUSPEND,
	RELEASE_RESUME,
	RELEASE_CODE_CHANGE,
	RELEASE_SOFT_PURGE,
	RELEASE_PURGE,
	RELEASE_NO_RETURN
};

/* What becomes of old code that something holds when its module is loaded. */
enum release_purge {
	RELEASE_LINGER,     /* it stays until it is free */
	RELEASE_PURGE_SOFT, /* then the release fails */
	RELEASE_PURGE_BRUTAL
};

/* An instruction as it is written. */
struct release_step {
	enum release_verb verb;
	unsigned line;
	char **modules;   /* NULL-terminated, maybe none */
	char **with;      /* update: these are loaded in the same set */
	char **processes; /* names or numbers; none: those of the modules */
	char *extra;      /* for code_changes, or NULL */
	enum release_purge pre, post; /* post: soft is by itself, when free */
	bool soft;                    /* update: without a code_change */
	int timeout_ms;               /* for one process */
};

struct release_module {
	char *name;
	char *from, *to; /* content hashes; to NULL: it is deleted */
};

struct release_steps {
	struct release_step *v;
	size_t n;
};

struct release {
	char *path;      /* of the file */
	char *objects;   /* the folder, absolute */
	char *program;   /* its name; NULL: any that has the modules */
	char *from, *to; /* what the two builds are called; "" */
	struct release_module *modules;
	size_t nmodules;
	struct release_steps up, down;
};

void release_free(struct release *r); /* NULL is fine */
const struct release_module *release_module(const struct release *r,
					    const char *name);
/* The hash that MODULE has after the way DOWN or up; NULL: deleted. */
const char *release_wanted(const struct release_module *m, bool down);
const char *release_had(const struct release_module *m, bool down);

/* The same code is loaded once more, bound to a variable that moves. */
bool release_again(const struct release_module *m);

/* OBJECTS/kv-HASH.o; malloc'd. */
char *release_object(const struct release *r, const char *module,
		     const char *hash);

/* --- words (release.c) ---------------------------------------------------- */

struct release_word {
	const char *name;
	enum release_verb verb;
	bool modules; /* it is about modules, else about processes */
	const char
	    *may; /* the options that it takes, " pre_purge post_purge " */
};

extern const struct release_word release_words[];
extern const size_t release_nwords;

extern const char *const release_purge_words[]; /* by enum release_purge */

/* Why an instruction that Erlang has is none here, or NULL. */
const char *release_why_not(const char *name);

/* --- the file ------------------------------------------------------------- */

struct check_kept;

/* The release that leads from one side to the other of what was compared; its
 * objects are where KEPT has them, which is the folder of PATH's objects. 0, or
 * -1 and *err: nothing differs, or no release can do it. */
int release_make(struct release **r, const struct check_kept *kept,
		 const char *path, char **err);
/* The folder that goes with the file PATH: "1.1.objects" with "1.1.json".
 * malloc'd. */
char *release_folder(const char *path);

/* 0, or -1 and *err, which names the file, the line and the key. */
int release_read(struct release **r, const char *path, char **err);

/* Writes R's file, at R->path. */
int release_write(const struct release *r, char **err);

/* --- the plan (release-plan.c) -------------------------------------------- */

enum release_kind {
	ORDER_SUSPEND,
	ORDER_LOAD,
	ORDER_CHANGE,
	ORDER_RESUME,
	ORDER_DELETE,
	ORDER_SOFT_PURGE,
	ORDER_PURGE,
	ORDER_NO_RETURN
};

struct release_order {
	enum release_kind kind;
	const struct release_step *step;
};

struct release_plan {
	const struct release *release;
	bool down;
	struct release_order *v;
	size_t n;
	size_t no_return; /* orders before it are taken back if one fails */
};

void release_plan_make(struct release_plan *p, const struct release *r,
		       bool down);
void release_plan_free(struct release_plan *p);

/* "load src/a and src/b as one"; appended. */
void release_order_put(struct text *t, const struct release_order *o);

#endif
