/* SPDX-License-Identifier: MIT
 *
 * A folder of a test's own, and its end with all that is in it.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include "watcher/util.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its absolute path, for scratch_remove; NAME is what it begins with, in the
 * current folder if it is relative. No test can go on without. */
static inline char *scratch_new(const char *name)
{
	char *path = xasprintf("%s-XXXXXX", name), *real;

	if (!mkdtemp(path)) {
		printf("Bail out! mkdtemp %s: %s\n", path, strerror(errno));
		exit(1);
	}
	real = path_real(path);
	free(path);
	return real;
}

static inline int scratch_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void remove_tree(const char *path)
{
	nftw(path, scratch_remove_one, 64, FTW_DEPTH | FTW_PHYS);
}

/* Frees PATH as well. */
static inline void scratch_remove(char *path)
{
	remove_tree(path);
	free(path);
}

#endif
