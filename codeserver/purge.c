/* SPDX-License-Identifier: MIT
 *
 * By soft rules: nothing is ended, what might be held is kept. A version that
 * is not current goes when all of this is true:
 *
 *	no table entry leads into it (a function that the newer one lacks)
 *	no constant of it is in use by a newer one
 *	no thread has a word on its stack or in a register that points into it
 *	no word of writable memory points into it
 *
 * in this order, the cheap ones first. A version of the start is never
 * unmapped: its variables are the program's.
 *
 * Words are compared, not frames unwound: a stale word keeps a version longer
 * than it must, never shorter.
 */
#include "codeserver/purge.h"

#include <stdlib.h>

#include "codeserver/guest.h"
#include "codeserver/image.h"
#include "codeserver/memory.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"
#include "codeserver/threads.h"

#define TABLES_MAX (THREADS_RANGES / 4)
#define LINK_MAP_SIZE 0x480 /* glibc's whole struct link_map, at least */

/* An old version under examination: its spans are ranges[first, last). */
struct candidate {
	struct hw_mod *mod;
	struct hw_version *version;
	size_t first, last;
};

struct look {
	struct candidate cand[THREADS_RANGES];
	size_t ncand;
	struct hw_hidden ranges[THREADS_RANGES];
	struct hw_span self[THREADS_RANGES]; /* the image of each range */
	bool held[THREADS_RANGES];
	struct hw_span tables[TABLES_MAX]; /* the first ranges */
	size_t n, ntables;
};

static bool constant_in(const struct hw_image *i)
{
	struct hw_variable *v;
	size_t n = registry_vars(&v);

	for (size_t k = 0; k < n; k++)
		if (image_has(i, (uintptr_t)v[k].addr))
			return true;
	return false;
}

/* The cheap reasons; NULL: none. */
static const char *kept_by_books(const struct hw_version *v)
{
	if (!v->image.handle)
		return "it came with the program's start";
	if (table_points_into(v->image.base, v->image.base + v->image.size))
		return "it has functions that the newer version lacks";
	if (constant_in(&v->image))
		return "its constants are in use by the newer version";
	return NULL;
}

static void candidate_add(struct look *l, struct hw_mod *m,
			  struct hw_version *v)
{
	struct candidate *c = &l->cand[l->ncand];

	v->kept = kept_by_books(v);
	if (v->kept || l->n + v->image.nspans > THREADS_RANGES)
		return;
	*c = (struct candidate){m, v, l->n, l->n + v->image.nspans};
	for (size_t i = 0; i < v->image.nspans; i++) {
		uintptr_t base = v->image.base;

		l->self[l->n] = (struct hw_span){base, base + v->image.size};
		l->ranges[l->n++] = span_hide(base + v->image.spans[i].from,
					      base + v->image.spans[i].to);
	}
	l->ncand++;
}

static void candidates_find(struct look *l)
{
	l->ntables = l->n = table_retired(l->tables, TABLES_MAX);
	for (size_t i = 0; i < l->ntables; i++)
		l->ranges[i] = span_hide(l->tables[i].from, l->tables[i].to);
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_version *v = hw_guest.mods[i].old;

		for (; v; v = v->older)
			candidate_add(l, &hw_guest.mods[i], v);
	}
}

static bool candidate_held(const struct look *l, const struct candidate *c)
{
	for (size_t i = c->first; i < c->last; i++)
		if (l->held[i])
			return true;
	return false;
}

static void version_free(struct candidate *c)
{
	struct hw_version **p = &c->mod->old;

	while (*p != c->version)
		p = &(*p)->older;
	*p = c->version->older;
	image_close(&c->version->image);
	free(c->version);
}

/* Tables: only a thread that stands inside a stub needs an old one. */
static void tables_free(struct look *l)
{
	struct hw_span gone[TABLES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < l->ntables; i++)
		if (!l->held[i])
			gone[n++] = l->tables[i];
	table_free_retired(gone, n);
}

/*
 * Memory that does not count: our tables, dead stack, and what the dynamic
 * linker notes of an image: its l_text_end is the first byte of .rodata when
 * that begins the next page, and so would hold the version for ever.
 */
static size_t skips_find(const struct look *l, struct hw_span *skip, size_t max)
{
	const struct hw_span *dead;
	size_t n = 0, ndead = threads_dead(&dead);

	for (size_t i = 0; i < ndead && n < max; i++)
		skip[n++] = dead[i];
	for (size_t i = 0; i < l->ncand && n < max; i++) {
		uintptr_t map = (uintptr_t)l->cand[i].version->image.handle;

		skip[n++] = (struct hw_span){map, map + LINK_MAP_SIZE};
	}
	n += table_retired(skip + n, max - n);
	return n;
}

static unsigned candidates_settle(struct look *l, bool (*busy)(void *),
				  void *arg)
{
	struct hw_span skip[512];
	bool threads[THREADS_RANGES];
	unsigned gone = 0;

	for (size_t i = 0; i < l->n; i++)
		threads[i] = l->held[i];
	if (memory_search(l->ranges, l->self, l->n, l->held, skip,
			  skips_find(l, skip, 512), busy, arg) < 0)
		return 0;
	for (size_t i = 0; i < l->ncand; i++) {
		struct candidate *c = &l->cand[i];
		bool thread = false;

		for (size_t k = c->first; k < c->last; k++)
			thread |= threads[k];
		if (candidate_held(l, c)) {
			c->version->kept = thread ? "a thread may be in it"
						  : "memory points into it";
			continue;
		}
		version_free(c);
		gone++;
	}
	return gone;
}

bool purge_wanted(void)
{
	if (table_retired_count())
		return true;
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_version *v = hw_guest.mods[i].old;

		for (; v; v = v->older)
			if (v->image.handle)
				return true;
	}
	return false;
}

unsigned purge_try(bool (*busy)(void *), void *arg)
{
	struct look l = {.ncand = 0};

	candidates_find(&l);
	if (!l.n || threads_look(l.ranges, l.n, l.held) < 0)
		return 0;
	tables_free(&l);
	return l.ncand ? candidates_settle(&l, busy, arg) : 0;
}
