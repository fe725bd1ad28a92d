/* SPDX-License-Identifier: MIT
 *
 * Sets: the modules that go live together or not at all.
 *
 * One save's modules (a header and all that include it) are a set, and a set
 * lives until every target has all of it. If one module does not compile, or
 * a target refuses one, the whole set stays wanted; touching any module of it
 * later carries the rest along, which is what keeps half of a change to a
 * header from going live. Two saves that touch nothing in common are two
 * sets: a file that is broken all afternoon does not hold up the others.
 *
 * A set's stamp counts what was wanted of it; what a target refused, and what
 * was told to the user, holds for one stamp.
 */
#include "watcher/engine-internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SAME_NAMED 5 /* modules with the same errors that are named */

static struct set *set_new(struct engine *e, enum set_why why, uint64_t first)
{
	struct set *s = xcalloc(1, sizeof(*s));

	s->e = e;
	s->why = why;
	s->first = first;
	s->next = e->sets;
	e->sets = s;
	return s;
}

void set_free(struct set *s)
{
	struct set **p = &s->e->sets;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	for (size_t i = 0; i < s->n; i++)
		s->units[i]->set = NULL;
	asks_merged(s->e, s, NULL);
	free(s->units);
	free(s->refused);
	free(s->extra);
	free(s);
}

static void set_add(struct set *s, struct unit *u)
{
	s->units = xrealloc(s->units, (s->n + 1) * sizeof(*s->units));
	s->units[s->n++] = u;
	u->set = s;
}

void set_leave(struct unit *u)
{
	struct set *s = u->set;

	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->units[i] == u)
			s->units[i--] = s->units[--s->n];
	u->set = NULL;
}

static void set_merge(struct set *from, struct set *to)
{
	for (size_t i = 0; i < from->n; i++)
		set_add(to, from->units[i]);
	from->n = 0;
	if (!from->told && from->first < to->first)
		to->first = from->first;
	to->flags |= from->flags;
	if (from->extra)
		set_extra(to, from->extra);
	asks_merged(from->e, from, to);
	round_moved(from, to);
	set_free(from);
}

void set_extra(struct set *s, const char *extra)
{
	free(s->extra);
	s->extra = extra ? xstrdup(extra) : NULL;
}

void set_changed(struct set *s)
{
	s->stamp++;
	s->nrefused = 0;
	s->told = false;
}

/* A new story begins: what was told before does not count for it. */
static void set_restart(struct set *s, enum set_why why, uint64_t first)
{
	s->why = why;
	s->first = first;
	s->started = s->compiled = 0;
	s->total = 0;
}

struct set *set_join(struct set *s, struct unit *u, enum set_why why,
		     uint64_t first)
{
	if (!s)
		s = u->set ? u->set : set_new(u->e, why, first);
	if (s->told)
		set_restart(s, why, first);
	if (!u->set)
		set_add(s, u);
	else if (u->set != s)
		set_merge(u->set, s);
	set_changed(s);
	return s;
}

bool set_refused(const struct set *s, int pid)
{
	for (size_t i = 0; i < s->nrefused; i++)
		if (s->refused[i] == pid)
			return true;
	return false;
}

void set_refuse(struct set *s, int pid)
{
	if (set_refused(s, pid))
		return;
	s->refused =
	    xrealloc(s->refused, (s->nrefused + 1) * sizeof(*s->refused));
	s->refused[s->nrefused++] = pid;
}

void set_forgive(struct set *s, int pid)
{
	for (size_t i = 0; i < s->nrefused; i++)
		if (s->refused[i] == pid)
			s->refused[i--] = s->refused[--s->nrefused];
}

bool set_waiting(const struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (unit_needed(s->units[i]) &&
		    (s->units[i]->state == UNIT_DIRTY ||
		     s->units[i]->state == UNIT_BUILDING))
			return true;
	return false;
}

static bool set_needed(const struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (unit_needed(s->units[i]))
			return true;
	return false;
}

static bool set_failed(const struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->units[i]->state == UNIT_FAILED &&
		    unit_needed(s->units[i]))
			return true;
	return false;
}

/* --- telling ------------------------------------------------------------- */

void set_told(struct set *s, struct event *ev)
{
	s->told = true;
	engine_tell(s->e, ev);
	asks_told(s->e, s, ev);
}

static void event_times(struct event *ev, const struct set *s)
{
	ev->ms[PHASE_TOTAL] = event_ms_between(s->first, uv_hrtime());
	if (!s->started)
		return;
	ev->ms[PHASE_WAIT] = event_ms_between(s->first, s->started);
	ev->ms[PHASE_COMPILE] = event_ms_between(s->started, s->compiled);
}

/* A header's error is not shown once more for each of its hundred users. */
static void tell_same(struct text *output, const struct strv *names)
{
	text_printf(output, "the same in %s", names->v[0]);
	for (size_t i = 1; i < names->n && i < SAME_NAMED; i++)
		text_printf(output, ", %s", names->v[i]);
	if (names->n > SAME_NAMED)
		text_printf(output, " and %zu more modules",
			    names->n - SAME_NAMED);
	text_puts(output, "\n");
}

static void tell_error(struct set *s)
{
	struct event *ev = event_new(EVENT_ERROR);
	struct text output = {0};
	struct strv names = {0}, same = {0};

	for (size_t i = 0; i < s->n; i++) {
		struct unit *u = s->units[i];

		if (u->state != UNIT_FAILED || !unit_needed(u))
			continue;
		strv_add(&names, unit_name(u));
		if (diagnostics_merge(&ev->diagnostics, &u->diagnostics) ||
		    !u->diagnostics.n)
			text_puts(&output, u->output);
		else
			strv_add(&same, unit_name(u));
	}
	if (same.n)
		tell_same(&output, &same);
	strv_free(&same);
	ev->modules = strv_take(&names);
	ev->message = text_take(&output);
	event_times(ev, s);
	set_told(s, ev);
}

static void tell_unchanged(struct set *s)
{
	struct event *ev = event_new(EVENT_UNCHANGED);
	struct strv names = {0};

	for (size_t i = 0; i < s->n; i++) {
		strv_add(&names, unit_name(s->units[i]));
		diagnostics_merge(&ev->diagnostics, &s->units[i]->diagnostics);
	}
	ev->modules = strv_take(&names);
	event_times(ev, s);
	set_told(s, ev);
}

void set_progress(struct set *s)
{
	struct event *ev = event_new(EVENT_BUILDING);
	struct strv names = {0};

	for (size_t i = 0; i < s->n; i++)
		if (s->units[i]->state == UNIT_BUILDING)
			strv_add(&names, unit_name(s->units[i]));
	s->begun = false;
	ev->done = s->total;
	ev->total = s->total + (unsigned)names.n;
	ev->modules = strv_take(&names);
	engine_tell(s->e, ev);
}

/* --- one step ------------------------------------------------------------ */

static bool worth_telling(const struct set *s)
{
	return !s->told &&
	       (s->why == SET_ASKED || (s->why == SET_SAVE && s->total > 0));
}

void set_step(struct set *s)
{
	if (round_of(s))
		return;
	if (!set_needed(s)) {
		set_free(s);
		return;
	}
	if (set_waiting(s))
		return;
	if (set_failed(s)) {
		if (!s->told)
			tell_error(s);
		return;
	}
	if (round_start(s) != 0)
		return;
	if (worth_telling(s))
		tell_unchanged(s);
	if (!s->nrefused)
		set_free(s);
}
