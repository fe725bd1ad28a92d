/* SPDX-License-Identifier: MIT
 *
 * Loading a set of modules: all of them become current at one instant, or
 * none does and nothing of them stays behind.
 *
 * A set is made, prepared (the slow half: files are judged and mapped), bound,
 * and published, in this order, with any time in between: other sets may be
 * published meanwhile. It is freed at the end, whatever came of it. All of this
 * in the code server's thread. Who may load what when is order.c's business.
 */
#ifndef HW_LOAD_H
#define HW_LOAD_H

#include "codeserver/guest.h"

/* What is to be loaded, and what became of it. */
struct load_item {
	const char *module, *file; /* in; file is absolute */
	const void *data; /* in: instead of the file's content, or NULL */
	size_t size;
	/* out: what is wrong with this one (reason NULL: nothing) */
	struct hw_failure failure;
	struct hw_mod *mod; /* NULL: not known */
	bool unchanged;     /* this content is current already */
	/* out, when the set was published; with load_item_free */
	const char **added;   /* ids of new variables */
	const char **lost;    /* ids of variables that are gone */
	const char **removed; /* ids of functions that are gone */
	size_t nadded, nlost, nremoved;
	/* out: JSON, as it is sent (state-report.h); NULL: none */
	struct cJSON *merged, *conflicts, *migrated, *renamed;
};

struct load_times { /* microseconds */
	unsigned check, open, bind, publish, total;
	unsigned gate; /* calls waited for so long, at most */
};

struct load_set;

/* Fills *f; -1. */
int load_no_memory(struct hw_failure *f);

/* ITEMS belong to the caller and must outlive the set; so must their strings.
 * FORCE: also what is current already. NULL: out of memory. */
struct load_set *load_new(struct load_item *items, size_t n, bool force);

/* For code_changes: whether this leads back, so that the version which is left
 * has the say; and what the user gives along (or NULL). */
void load_direction(struct load_set *s, bool down, const char *extra);

/*
 * 0, or -1 and *f. Reasons: badfile, nofile, unsafe, duplicated, misplaced,
 * unknown_module, sticky_directory. When a check fails each item has its own
 * failure too. load_bind checks again what another set may have changed since.
 */
int load_prepare(struct load_set *s, struct hw_failure *f);
int load_bind(struct load_set *s, struct hw_failure *f);
int load_publish(struct load_set *s, struct hw_failure *f);

/*
 * Whether a bound set must be published through a gate: 1, and G is filled but
 * for what gate.h calls out, done and failure; it must outlive the set. 0: it
 * need not. -1 and *f.
 */
struct gate;
int load_gate(struct load_set *s, struct gate *g, struct hw_failure *f);
/* While that is closed, before the publish: variables that move are filled. 0,
 * or -1 and *f: a value does not fit; nothing has changed. */
int load_migrate(struct load_set *s, struct hw_failure *f);

/* What the one module of a bound set wants to be called before it becomes
 * current (HOT_ON_LOAD), or NULL. Of several modules: the first that does. */
int (*load_on_load(const struct load_set *s, const char **module))(void);

const struct load_times *load_times(const struct load_set *s);

/* Closes what was not published. */
void load_free(struct load_set *s);

/* How many sets were published so far. */
unsigned load_count(void);

void load_item_free(struct load_item *item);

/* Notes which table entries lead into V that no version after it has. */
void version_removed_find(struct hw_version *v);
/* Unmaps its image and frees it; it is in no list any more. */
void version_free(struct hw_version *v);

#endif
