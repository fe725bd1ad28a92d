/* SPDX-License-Identifier: MIT
 *
 * When has a path been quiet for long enough to be told?
 *
 * Pure: it is given the time and asked for the next moment that matters; it
 * knows no loop and no timer. One thread at a time.
 */
#ifndef WATCHER_SETTLE_H
#define WATCHER_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the kernel said of a path. */
enum settle_kind {
	SETTLE_WRITTEN, /* closed after writing, renamed to, linked */
	SETTLE_GONE,    /* removed, renamed away: mostly half a replacement */
	SETTLE_CREATED, /* open for writing: will be closed soon */
	SETTLE_KINDS
};

#define SETTLE_NEVER UINT64_MAX
#define SETTLE_LIMIT 16384u /* paths held; over it "anything" is said */

struct settle_path;
struct settle {
	uint64_t quiet, max; /* ns */
	struct settle_path **buckets;
	size_t nbuckets, n;
	struct {
		struct settle_path *head, *tail;
	} queue[SETTLE_KINDS]; /* each sorted by when it is due */
	uint64_t serial;       /* of the latest path that came in */
	bool flooded;          /* over the limit: all were dropped */
	uint64_t flood_first;
};

void settle_init(struct settle *s, uint64_t quiet_ns, uint64_t max_ns);
void settle_free(struct settle *s);

/* SETTLE_CREATED alone makes no path due soon; it makes a GONE one wait. */
void settle_touch(struct settle *s, const char *path, enum settle_kind kind,
		  uint64_t now);

/* When settle_take next has something; SETTLE_NEVER if nothing is held. */
uint64_t settle_due(const struct settle *s);

/* What was due at NOW, or all that is held, each path once. */
struct settle_batch {
	char **paths; /* NULL-terminated; freev */
	size_t n;
	bool flooded;   /* there were too many paths to name */
	uint64_t first; /* when the earliest was first touched */
};
bool settle_take(struct settle *s, uint64_t now, bool all,
		 struct settle_batch *b);

/* Whether a path is held that came in no later than serial number SERIAL. */
bool settle_holds(const struct settle *s, uint64_t serial);

#endif
