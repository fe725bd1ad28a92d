/* SPDX-License-Identifier: MIT
 *
 * A module compiled in a tree (check-build.c), and the cache of those.
 */
#ifndef WATCHER_CHECK_CACHE_H
#define WATCHER_CHECK_CACHE_H

#include "watcher/check-build.h"

/* One module on one side. */
struct check_work {
	const struct check_build *b;
	const struct manifest_module *m;
	int side;
	char *file;    /* linked; NULL: it is not there, or does not compile */
	char *why;     /* it does not compile */
	char *depfile; /* it was compiled, and this is what it read */
	char *object;  /* the same, if it is to be kept */
	bool missing;
};

/* S with the top folder turned to that of W's side. malloc'd. */
char *check_in_tree(const struct check_work *w, const char *s);

/* Sets W->file to what is kept of it; false: nothing is. */
bool check_cache_find(struct check_work *w);
/* Keeps what was compiled of V, N of them. */
void check_cache_fill(const struct check_work *v, size_t n);

#endif
