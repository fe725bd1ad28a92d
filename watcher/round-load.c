/* SPDX-License-Identifier: MIT
 *
 * The second half of a round: the targets load, their answers become one
 * event.
 *
 * A target that went away is no part of the outcome. One that says that a
 * place is occupied is no part of it yet: the place is avoided from then on,
 * and the next round links elsewhere.
 */
#include "watcher/round.h"
#include "watcher/state-notes.h"

#include <stdlib.h>
#include <string.h>

#define MISPLACED_MAX 3 /* in a row, then it is a refusal */

/* --- the outcome --------------------------------------------------------- */

static void event_times(const struct round *r, const struct set *s,
			struct event *ev)
{
	uint64_t now = uv_hrtime();
	uint64_t built = s->compiled ? s->compiled : r->begun;

	ev->ms[PHASE_WAIT] =
	    event_ms_between(s->first, s->started ? s->started : r->begun);
	ev->ms[PHASE_COMPILE] = event_ms_between(s->started, s->compiled);
	ev->ms[PHASE_LINK] = event_ms_between(built, r->linked);
	ev->ms[PHASE_LOAD] = event_ms_between(r->linked, now);
	ev->ms[PHASE_TOTAL] = event_ms_between(s->first, now);
}

static void event_modules(const struct round *r, struct event *ev)
{
	struct strv names = {0};

	for (size_t i = 0; i < r->nitems; i++) {
		const struct module *m = r->items[i].m;

		if (strv_has(&names, m->m->name))
			continue;
		strv_add(&names, m->m->name);
		diagnostics_merge(&ev->diagnostics, &m->unit->diagnostics);
	}
	ev->modules = strv_take(&names);
}

/* The version of the first module in the first target that took it. */
static void event_version(struct event *ev)
{
	for (size_t i = 0; i < ev->ntargets; i++) {
		const struct event_target *t = &ev->targets[i];

		for (size_t j = 0; t->ok && j < t->nversions; j++) {
			if (strcmp(t->versions[j].module, ev->modules[0]) != 0)
				continue;
			ev->version = t->versions[j].version;
			return;
		}
	}
}

static bool any_ok(const struct event *ev)
{
	for (size_t i = 0; i < ev->ntargets; i++)
		if (ev->targets[i].ok)
			return true;
	return false;
}

static void note_refusals(const struct round *r)
{
	for (size_t i = 0; i < r->ev->ntargets; i++)
		if (!r->ev->targets[i].ok)
			set_refuse(r->set, r->ev->targets[i].pid);
}

/* True if a target is asked again with what was linked elsewhere. */
static bool round_retries(const struct round *r)
{
	for (size_t i = 0; i < r->npeers; i++)
		if (r->peers[i].retry && r->peers[i].peer)
			return true;
	return false;
}

static void round_end(struct round *r)
{
	struct engine *e = r->e;
	struct event *ev = r->ev;
	bool current = r->set && r->set->stamp == r->stamp;

	if (ev->ntargets && r->set) {
		event_modules(r, ev);
		event_version(ev);
		event_times(r, r->set, ev);
		ev->kind = any_ok(ev) ? EVENT_LIVE : EVENT_REFUSED;
		ev->message = r->err;
		if (current)
			note_refusals(r);
		r->ev = NULL;
		r->err = NULL;
	}
	if (current && !round_retries(r)) {
		r->set->flags = 0;
		set_extra(r->set, NULL);
	}
	if (!r->ev && current && !round_retries(r))
		set_told(r->set, ev);
	else if (!r->ev)
		engine_tell(e, ev);
	round_free(r);
	engine_pump(e);
}

/* --- loading ------------------------------------------------------------- */

void round_result(struct round_peer *p, const struct session_answer *a)
{
	struct event_target *t = event_add_target(p->round->ev, p->pid);

	t->ok = a->ok;
	for (size_t i = 0; a->ok && i < a->nloaded; i++) {
		event_target_version(t, a->loaded[i].module,
				     a->loaded[i].version);
		t->state = state_notes(t->state, a->loaded[i].said);
	}
	if (a->reason)
		t->reason = xstrdup(a->reason);
	if (a->message)
		t->message = xstrdup(a->message);
	if (a->module)
		t->module = xstrdup(a->module);
	if (a->symbol)
		t->symbol = xstrdup(a->symbol);
}

/* The base was occupied there: never again, and another is tried. */
static bool retry_elsewhere(struct round_peer *p)
{
	struct round *r = p->round;

	if (++p->peer->misplaced > MISPLACED_MAX)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct round_item *item = &r->items[p->items[i]];
		struct artifact *a = &item->m->artifact;

		place_take(&r->e->avoid, item->a.base, item->a.size);
		free(a->file);
		*a = (struct artifact){0};
	}
	p->retry = true;
	return true;
}

static void loaded(struct session *s, const struct session_answer *a, void *arg)
{
	struct round_peer *p = arg;
	struct round *r = p->round;
	const char *reason = a->reason ? a->reason : "";

	(void)s;
	r->loading--;
	if (p->peer)
		p->peer->busy = false;
	if (p->peer && !strcmp(reason, "no_answer"))
		p->peer->silent = true;
	if (a->ok && p->peer)
		p->peer->misplaced = 0;
	if (p->peer && !strcmp(reason, "not_purged"))
		p->peer->not_purged = true;
	if (p->peer && strcmp(reason, "lost") != 0 &&
	    (strcmp(reason, "misplaced") != 0 || !retry_elsewhere(p)))
		round_result(p, a);
	if (!r->loading)
		round_end(r);
}

/* What the user asked for now, else what the settings say. */
static struct session_manner manner_of(const struct round_peer *p)
{
	const struct round *r = p->round;
	static const char *const words[] = {[ON_HELD_LINGER] = NULL,
					    [ON_HELD_REFUSE] = "refuse",
					    [ON_HELD_KILL] = "kill"};
	const struct settings *s = &r->e->settings;
	unsigned flags = r->set ? r->set->flags : 0;
	enum settings_on_held on_held =
	    flags & ENGINE_KILL ? ON_HELD_KILL : s->on_held;
	struct session_manner m = {.on_held = words[on_held],
				   .force = p->along || flags & ENGINE_FORCE,
				   .extra = r->set ? r->set->extra : NULL};

	if (on_held == ON_HELD_KILL)
		m.deadline_ms = (unsigned)s->purge_deadline_ms;
	return m;
}

static void load_peer(struct round_peer *p)
{
	struct session_manner manner = manner_of(p);
	struct session_item *items = xcalloc(p->n, sizeof(*items));

	for (size_t i = 0; i < p->n; i++) {
		const struct round_item *item = &p->round->items[p->items[i]];

		items[i].module = item->m->m->name;
		items[i].file = item->a.file;
	}
	p->peer->busy = true;
	p->round->loading++;
	session_load(p->peer->session, items, p->n, &manner, loaded, p);
	free(items);
}

static void refuse_all(struct round *r)
{
	struct session_answer a = {.reason = "badfile", .message = r->err};

	for (size_t i = 0; i < r->npeers; i++)
		if (r->peers[i].peer)
			round_result(&r->peers[i], &a);
}

void round_load(struct round *r)
{
	if (!r->judged) {
		r->judged = true;
		r->linked = uv_hrtime();
		if (!r->err && !r->stale && !r->e->closing && round_judge(r))
			return;
	}
	if (r->err && !r->stale && !r->e->closing)
		refuse_all(r);
	for (size_t i = 0; i < r->npeers; i++)
		if (!r->err && !r->stale && !r->e->closing &&
		    r->peers[i].peer && !r->peers[i].judged)
			load_peer(&r->peers[i]);
	if (!r->loading)
		round_end(r);
}
