/* SPDX-License-Identifier: MIT
 *
 * Which files go into which translation units, and what was in the files.
 *
 * A user (a translation unit) has a list of files; a file has a list of users
 * and the checksum of the content it was last seen with. A file that is
 * reached by a symbolic link stands under both its names. Loop thread only.
 */
#ifndef WATCHER_DEPGRAPH_H
#define WATCHER_DEPGRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watcher/util.h"

struct depgraph;
struct depnode;

/* Embedded in what uses files; zeroed before the first depgraph_set. */
struct depuser {
	struct depnode **nodes;
	size_t n;
	void *owner;
};

struct depgraph *depgraph_new(void);
void depgraph_free(struct depgraph *g);

/*
 * U uses exactly PATHS (absolute, clean) from now on; NULL: none. Content of
 * files that were not known is read now. A file that was not known and was
 * changed at or after SINCE (CLOCK_REALTIME ns; 0: do not look) may have been
 * compiled in another state than the one just read: then true is returned and
 * the unit must be built once more.
 */
bool depgraph_set(struct depgraph *g, struct depuser *u, char *const *paths,
		  int64_t since);
void depgraph_clear(struct depgraph *g, struct depuser *u);

enum depgraph_change {
	DEPGRAPH_UNKNOWN, /* nobody uses it */
	DEPGRAPH_SAME,
	DEPGRAPH_CHANGED,
	DEPGRAPH_ABSENT /* it is gone; what was known of it stays */
};

/* Reads PATH anew and compares. */
enum depgraph_change depgraph_check(struct depgraph *g, const char *path);

/* Takes an absent file's absence for its content. */
void depgraph_accept_absent(struct depgraph *g, const char *path);

/* Whether its absence is its content, or nobody uses it. */
bool depgraph_absent(struct depgraph *g, const char *path);

/* Calls EACH with the owners that use PATH. */
void depgraph_users(struct depgraph *g, const char *path,
		    void (*each)(void *owner, void *arg), void *arg);

/* Calls EACH with all paths known. */
void depgraph_paths(struct depgraph *g,
		    void (*each)(const char *path, void *arg), void *arg);

/* The path of U's file I, I < U->n. */
const char *depgraph_path(const struct depuser *u, size_t i);

/*
 * One number for when what U uses was written, as of when its contents were
 * read. What was compiled between two equal numbers was compiled of the
 * contents that are known, if depgraph_written then tells of no file: contents
 * alone cannot say that, where a file is written there and back meanwhile.
 */
uint64_t depgraph_stamp(const struct depuser *u);

/* Adds to PATHS what of U was written since its content was read. */
void depgraph_written(const struct depuser *u, struct strv *paths);

/* One number for all that U uses: names and contents. 0: a file is gone. */
uint64_t depgraph_inputs(const struct depuser *u);

/* Newest time of change of what U uses, ns; INT64_MAX if a file is gone. */
int64_t depgraph_newest(const struct depuser *u);

#endif
