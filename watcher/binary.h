/* SPDX-License-Identifier: MIT
 *
 * A program's file: where it is, and whether it was built hot. Any thread.
 */
#ifndef WATCHER_BINARY_H
#define WATCHER_BINARY_H

#include <stdbool.h>

/* NAME as execvp finds it; malloc'd. NULL and *err. */
char *binary_find(const char *name, char **err);

enum binary_kind {
	BINARY_HOT,    /* hot-built, its manifest is there */
	BINARY_PLAIN,  /* not hot-built */
	BINARY_BROKEN, /* hot-built, but its manifest is missing or bad */
	BINARY_SCRIPT  /* begins with #!: what it starts may be hot */
};

/*
 * What PATH is. *root: the project's root, of a hot program (malloc'd), else
 * NULL. *err: for PLAIN and BROKEN, why, and what to do.
 */
enum binary_kind binary_kind(const char *path, char **root, char **err);

#endif
