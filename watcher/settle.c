/* SPDX-License-Identifier: MIT
 *
 * Quiet time per path, with a maximum.
 *
 * One save is one to five events within a fraction of a millisecond; telling
 * each would build three times. So a path is told when nothing was heard of
 * it for the quiet time. Per path, not per tree: a log file that is written
 * all the time must not hold back a save, and no pause between two files of a
 * checkout (up to 137 ms were measured) is long enough to tell its end: that
 * is gitlock.c's task.
 *
 * A path that vanished waits for the maximum instead, because most removals
 * are half of a replacement (vim, git, emacs in precious mode) and a build
 * between the halves would report a missing file. If it is being made again,
 * its close is waited for, a second at most: vim calls fsync before it closes.
 *
 * Each kind has one delay, so each has a queue that is nearly in order by
 * itself: insertion looks from the tail and stops at once. A heap was not
 * needed.
 */
#include "watcher/settle.h"

#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>

#define CREATED_NS 1000000000ull /* whatever happens, no path waits longer */

struct settle_path {
	struct settle_path *hash_next, *next, *prev;
	uint64_t first;   /* when it came in */
	uint64_t written; /* when first written, or 0: the maximum's start */
	uint64_t due, serial;
	enum settle_kind kind;
	char path[];
};

void settle_init(struct settle *s, uint64_t quiet_ns, uint64_t max_ns)
{
	*s = (struct settle){.quiet = quiet_ns, .max = max_ns};
}

/* --- the queues ---------------------------------------------------------- */

static void queue_insert(struct settle *s, struct settle_path *p)
{
	struct settle_path *after = s->queue[p->kind].tail;

	while (after && after->due > p->due)
		after = after->prev;
	p->prev = after;
	p->next = after ? after->next : s->queue[p->kind].head;
	if (after)
		after->next = p;
	else
		s->queue[p->kind].head = p;
	if (p->next)
		p->next->prev = p;
	else
		s->queue[p->kind].tail = p;
}

static void queue_remove(struct settle *s, struct settle_path *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		s->queue[p->kind].head = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		s->queue[p->kind].tail = p->prev;
}

static struct settle_path *queue_first(const struct settle *s)
{
	struct settle_path *best = NULL;

	for (int k = 0; k < SETTLE_KINDS; k++) {
		struct settle_path *p = s->queue[k].head;

		if (p && (!best || p->due < best->due))
			best = p;
	}
	return best;
}

/* --- the table ----------------------------------------------------------- */

static struct settle_path **slot(const struct settle *s, const char *path)
{
	uint64_t h = fnv1a64(path, strlen(path));
	struct settle_path **p = &s->buckets[h & (s->nbuckets - 1)];

	while (*p && strcmp((*p)->path, path) != 0)
		p = &(*p)->hash_next;
	return p;
}

static void table_resize(struct settle *s, size_t n)
{
	free(s->buckets);
	s->buckets = xcalloc(n, sizeof(struct settle_path *));
	s->nbuckets = n;
	for (int k = 0; k < SETTLE_KINDS; k++) {
		struct settle_path *p = s->queue[k].head;

		for (; p; p = p->next) {
			p->hash_next = NULL;
			*slot(s, p->path) = p;
		}
	}
}

static struct settle_path *path_new(struct settle *s, const char *path,
				    uint64_t now)
{
	size_t len = strlen(path) + 1;
	struct settle_path *p = xcalloc(1, sizeof(*p) + len);

	memcpy(p->path, path, len);
	p->first = now;
	p->serial = ++s->serial;
	if (s->n >= s->nbuckets)
		table_resize(s, s->nbuckets ? s->nbuckets * 2 : 16);
	*slot(s, path) = p;
	s->n++;
	return p;
}

static void path_drop(struct settle *s, struct settle_path *p)
{
	queue_remove(s, p);
	*slot(s, p->path) = p->hash_next;
	s->n--;
	free(p);
}

void settle_free(struct settle *s)
{
	struct settle_path *p;

	while ((p = queue_first(s)))
		path_drop(s, p);
	free(s->buckets);
	s->buckets = NULL;
	s->nbuckets = 0;
}

/* --- in and out ---------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t due_of(const struct settle *s, struct settle_path *p,
		       uint64_t now)
{
	uint64_t due = now + CREATED_NS;

	if (p->kind == SETTLE_GONE)
		due = now + s->max;
	if (p->kind == SETTLE_WRITTEN) {
		if (!p->written)
			p->written = now;
		due = earlier(now + s->quiet, p->written + s->max);
	}
	return earlier(due, p->first + CREATED_NS);
}

static void flood(struct settle *s, uint64_t now)
{
	struct settle_path *p = queue_first(s);

	s->flood_first = p && p->first < now ? p->first : now;
	s->flooded = true;
	settle_free(s);
}

void settle_touch(struct settle *s, const char *path, enum settle_kind kind,
		  uint64_t now)
{
	struct settle_path *p = s->nbuckets ? *slot(s, path) : NULL;

	if (s->flooded)
		return;
	if (p) {
		/* A file that is open for writing again was written before. */
		if (kind == SETTLE_CREATED && p->kind == SETTLE_WRITTEN)
			return;
		queue_remove(s, p);
	} else if (s->n >= SETTLE_LIMIT) {
		flood(s, now);
		return;
	} else {
		p = path_new(s, path, now);
	}
	p->kind = kind;
	p->due = due_of(s, p, now);
	queue_insert(s, p);
}

uint64_t settle_due(const struct settle *s)
{
	const struct settle_path *p = queue_first(s);

	if (s->flooded)
		return s->flood_first + s->max;
	return p ? p->due : SETTLE_NEVER;
}

bool settle_take(struct settle *s, uint64_t now, bool all,
		 struct settle_batch *b)
{
	struct strv paths = {0};
	struct settle_path *p;

	*b = (struct settle_batch){.first = now};
	if (s->flooded && (all || now >= settle_due(s))) {
		b->flooded = true;
		b->first = s->flood_first;
		s->flooded = false;
	}
	while ((p = queue_first(s)) && (all || p->due <= now)) {
		strv_add(&paths, p->path);
		if (p->first < b->first)
			b->first = p->first;
		path_drop(s, p);
	}
	b->n = paths.n;
	b->paths = strv_take(&paths);
	return b->n > 0 || b->flooded;
}

bool settle_holds(const struct settle *s, uint64_t serial)
{
	if (s->flooded)
		return true;
	for (int k = 0; k < SETTLE_KINDS; k++) {
		const struct settle_path *p = s->queue[k].head;

		for (; p; p = p->next)
			if (p->serial <= serial)
				return true;
	}
	return false;
}
