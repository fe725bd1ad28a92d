/* SPDX-License-Identifier: MIT
 *
 * Looking at every file of some folders, and telling what differs from the
 * time before. For file systems that cannot notify. A pass is used by one
 * thread at a time, which need not be the same for each run.
 */
#ifndef WATCHER_POLLPASS_H
#define WATCHER_POLLPASS_H

#include "watcher/util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poll_root {
	char *path;
	bool deep;  /* also what is below it, by .gitignore's rules */
	bool fresh; /* never looked at: nothing in it is news */
};

struct poll_file;
struct pollpass {
	const char *base;      /* what PATTERNS are relative to; borrowed */
	char *const *patterns; /* the user's; borrowed */
	struct poll_root *roots;
	size_t nroots;
	struct poll_file **buckets;
	size_t nbuckets, n;
	uint32_t number;
	bool quiet; /* the root that is looked at is fresh */

	/* What a run found; whoever reads them frees them. GITS: folders with
	 * a .git. */
	struct strv written, gone, gits;
};

void pollpass_add(struct pollpass *p, const char *path, bool deep);
void pollpass_run(struct pollpass *p);
void pollpass_free(struct pollpass *p);

/* Whether PATH is on a file system that cannot notify; *KIND (may be NULL)
 * names it. The same of a mount's type, as /proc/self/mounts has it. */
bool pollpass_needed(const char *path, const char **kind);
bool pollpass_mount_needs(const char *type);

#endif
