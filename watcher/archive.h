/* SPDX-License-Identifier: MIT
 *
 * Static libraries: their members, by name and by where they are. Any thread.
 */
#ifndef WATCHER_ARCHIVE_H
#define WATCHER_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

struct archive_member {
	char *name;
	long offset; /* of its header */
	const char *data;
	size_t size;
};

struct archive {
	char *path, *data;
	size_t len;
	bool thin; /* the members are files of their own */
	struct archive_member *members;
	size_t n;
};

/* 0, or -1 and *err. */
int archive_open(struct archive **a, const char *path, char **err);
void archive_close(struct archive *a);

/* The offset of the member that the index has SYMBOL in, or 0. */
long archive_defines(const struct archive *a, const char *symbol);

/*
 * The bytes of member NAME of the archive PATH (malloc'd, a NUL behind their
 * end). OFFSET, of its header, is all that is looked at if it is not 0; else
 * the first of that name is taken. 0, or -1 and *err.
 */
int archive_member(const char *path, const char *name, long offset, char **data,
		   size_t *len, char **err);

/* Writes an archive of those members of A whose offsets are in OFFSETS. */
int archive_write(const struct archive *a, const long *offsets, size_t n,
		  const char *path, char **err);

#endif
