/* SPDX-License-Identifier: MIT
 *
 * Modules that come along: their code is what it was, but they use a variable
 * that moves with this round, and would go on with its old place. So the same
 * code is loaded once more, in the same set, and bound to the new one.
 *
 * That is right for who was compiled of the new type and came out the same. It
 * is not for who declared the type by himself: a restart would break him as
 * well, but nobody asked for one. Debug information tells no declarations of
 * other modules' variables, so what is asked is whether the module includes the
 * file in which the type is defined. Who does not is refused, and says so.
 *
 * Who comes along is in the set from then on, so that what becomes of it, and
 * what it needs to be built, is the set's concern.
 */
#include "watcher/round.h"

#include <string.h>

#include "watcher/check.h"

static bool includes(const struct unit *u, const char *file)
{
	for (size_t i = 0; i < u->deps.n; i++)
		if (!strcmp(depgraph_path(&u->deps, i), file))
			return strcmp(file, u->source) != 0;
	return false;
}

static bool gets(const struct round_peer *p, const struct module *m)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->round->items[p->items[i]].m == m)
			return true;
	return false;
}

/* True: U was in no set, or in another, which is part of this one now. */
static bool joins(struct round_peer *p, struct unit *u)
{
	struct round *r = p->round;

	if (u->set == r->set)
		return false;
	set_join(r->set, u, r->set->why, r->set->first);
	r->stale = true;
	return true;
}

bool round_along(struct round_peer *p, const struct check_result *result)
{
	bool more = false;

	for (size_t i = 0; i < result->nalong; i++) {
		const struct check_along *a = &result->along[i];
		struct module *m = program_module(p->peer->program, a->module);

		if (!m || gets(p, m) || !a->file || !includes(m->unit, a->file))
			continue;
		more = p->along = true;
		if (joins(p, m->unit) || m->unit->state != UNIT_KNOWN ||
		    !round_find_file(p->round, round_add(p, m)))
			p->round->stale = true;
	}
	return more;
}
