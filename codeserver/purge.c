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
#include "codeserver/holders-methods.h"
#include "codeserver/image.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"

#define TABLES_MAX 64

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

static void version_drop(struct hw_mod *m, struct hw_version *v)
{
	struct hw_version **p = &m->old;

	while (*p != v)
		p = &(*p)->older;
	*p = v->older;
	image_close(&v->image);
	free(v);
}

static void tables_drop(void)
{
	struct hw_span all[TABLES_MAX], gone[TABLES_MAX];
	bool held[TABLES_MAX];
	size_t n = table_retired(all, TABLES_MAX), free_ones = 0;

	if (!n || holders_tables(all, n, held) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (!held[i])
			gone[free_ones++] = all[i];
	table_free_retired(gone, free_ones);
}

static size_t candidates_find(struct holders_of *of)
{
	size_t n = 0;

	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_version *v = hw_guest.mods[i].old;

		for (; v && n < HOLDERS_VERSIONS; v = v->older) {
			v->kept = kept_by_books(v);
			if (!v->kept)
				of[n++] =
				    (struct holders_of){.mod =
							    &hw_guest.mods[i],
							.version = v};
		}
	}
	return n;
}

bool purge_wanted(void)
{
	if (table_retired_count())
		return true;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		for (struct hw_version *v = hw_guest.mods[i].old; v;
		     v = v->older)
			if (v->image.handle)
				return true;
	return false;
}

unsigned purge_try(bool (*busy)(void *), void *arg)
{
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n = candidates_find(of);
	unsigned gone = 0;
	int r = n ? holders_look(of, n, busy, arg) : 0;

	if (n && r == 0)
		holders_looked(of, n);
	tables_drop();
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct hw_version *v =
		    (struct hw_version *)(uintptr_t)of[i].version;

		if (of[i].code || of[i].data) {
			v->kept = of[i].code ? "a thread may be in it"
					     : "memory points into it";
			continue;
		}
		version_drop((struct hw_mod *)(uintptr_t)of[i].mod, v);
		gone++;
	}
	return gone;
}
