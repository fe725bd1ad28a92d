/* SPDX-License-Identifier: MIT
 *
 * Warnings of a unit: which of them the user made, and which were always there.
 *
 * Old programs have hundreds, so what a compile warns of is split in two: what
 * was there before the user began to edit, of which nobody is told, and what
 * has come since. The latter is told by the event of the build that brings it,
 * and stands in watch/status until a compile does without it: an editor that
 * comes late shows it, too.
 *
 *   warnings  all, of the last compile that succeeded
 *   standing  those of them that have come since
 *
 * At the watcher's first compile of a unit there is none to compare with. Then
 * those in files that were written after the program was built count as new:
 * the build by hand has told of the others. (To tell of none then was tried:
 * the first save is the one that people try.)
 */
#include "watcher/engine-internal.h"

#include <string.h>

static bool written_since(const char *file, int64_t built)
{
	return file && built >= 0 && unit_file_time(file) > built;
}

/* Of ALL what the build by hand has told of. Notes go with their warning. */
static void add_built(struct diagnostics *old, const struct unit *u,
		      const struct diagnostics *all)
{
	const struct manifest_module *m = u->modules[0]->m;
	int64_t built = unit_file_time(m->archive ? m->archive : m->object);
	bool is_new = false;

	for (size_t i = 0; i < all->n; i++) {
		struct diagnostics one = {.v = &all->v[i], .n = 1};

		if (strcmp(one.v->severity, "note") != 0)
			is_new = written_since(one.v->file, built);
		if (!is_new)
			diagnostics_merge(old, &one);
	}
}

void unit_take_warnings(struct unit *u, const char *output)
{
	struct diagnostics all = {0}, old = {0}, standing = {0};

	diagnostics_parse(&all, output, u->dir);
	if (u->warned) {
		diagnostics_merge(&old, &u->warnings);
		diagnostics_subtract(&old, &u->standing);
	} else {
		add_built(&old, u, &all);
	}
	diagnostics_merge(&standing, &all);
	diagnostics_subtract(&standing, &old);
	diagnostics_merge(&u->diagnostics, &standing);
	diagnostics_subtract(&u->diagnostics, &u->standing);
	diagnostics_free(&old);
	unit_drop_warnings(u);
	u->warnings = all;
	u->standing = standing;
	u->warned = true;
}

void unit_drop_warnings(struct unit *u)
{
	unit_stamp(u);
	diagnostics_free(&u->warnings);
	diagnostics_free(&u->standing);
	u->warned = false;
}
