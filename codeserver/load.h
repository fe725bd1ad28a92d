/* SPDX-License-Identifier: MIT
 *
 * Loading a set of modules: all of them become current at one instant, or
 * none does and nothing of them stays behind.
 */
#ifndef HW_LOAD_H
#define HW_LOAD_H

#include "codeserver/guest.h"

/* What is to be loaded, and what became of it. */
struct load_item {
	const char *module, *file; /* in; file is absolute */
	/* out, when the set was published: */
	struct hw_mod *mod;
	bool unchanged;       /* this content is current already */
	const char **added;   /* ids of new variables; with load_item_free */
	const char **lost;    /* ids of variables that are gone */
	const char **removed; /* ids of functions that are gone */
	size_t nadded, nlost, nremoved;
};

struct load_times { /* microseconds */
	unsigned check, open, bind, publish, total;
};

/*
 * 0, or -1 and *f. Reasons: badfile, nofile, unsafe, duplicated, misplaced,
 * unknown_module.
 */
int load_set(struct load_item *items, size_t n, struct load_times *times,
	     struct hw_failure *f);
/* How many sets were published so far. */
unsigned load_count(void);

void load_item_free(struct load_item *item);

#endif
