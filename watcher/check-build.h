/* SPDX-License-Identifier: MIT
 *
 * Modules compiled twice, in two trees, for check-git.c.
 */
#ifndef WATCHER_CHECK_BUILD_H
#define WATCHER_CHECK_BUILD_H

#include "watcher/check.h"

struct check_build {
	struct manifest *manifest;
	bool *wanted; /* by module: it is compiled, the others are the same */
	const char *top;      /* the folder that the trees stand for */
	const char *trees[2]; /* old, new; may be TOP itself */
	const char *scratch;
	struct check_kept *kept; /* objects are kept; or NULL */
};

/* Compiles what is wanted on both sides, on all cores, and compares. What does
 * not compile is told in R as not checked. */
int check_build_compare(struct check_build *b, struct check_result *r,
			char **err);

#endif
