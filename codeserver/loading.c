/* SPDX-License-Identifier: MIT
 *
 * The order of things is chosen so that nothing is lost for a load that comes
 * to nothing: the object is judged, mapped and bound first; a policy that
 * refuses does so next; then on_load; then, if it was asked for, holders are
 * ended; then it is published. Erlang ends the holders before it looks at the
 * new object (or did).
 *
 * With `linger` old versions are not looked at here: a save is live at once,
 * and what nothing holds goes some milliseconds later by itself.
 */
#include "codeserver/loading.h"

#include <stdlib.h>
#include <string.h>

#include "codeserver/codechange.h"

static void finish(struct loading *l, int result)
{
	if (l->set)
		l->times = *load_times(l->set);
	l->times.gate = l->gate.shut_us;
	load_free(l->set);
	l->set = NULL;
	order_end(&l->order);
	l->done(l, result);
}

/* --- publish -------------------------------------------------------------- */

/* GATED: it is closed. */
static void publish_now(struct loading *l, bool gated, int r)
{
	if (r == 0) {
		r = load_publish(l->set, &l->failure);
		if (r < 0)
			code_change_undo(l->set);
	}
	if (gated)
		gate_open(&l->gate, r == 0);
	finish(l, r);
}

static void code_changed(void *arg, int result)
{
	publish_now(arg, true, result);
}

static void gate_closed(struct gate *g, int result)
{
	struct loading *l =
	    (struct loading *)(void *)((char *)g -
				       offsetof(struct loading, gate));

	if (result < 0) {
		l->failure = g->failure;
		finish(l, -1);
		return;
	}
	if (load_migrate(l->set, &l->failure) < 0) {
		publish_now(l, true, -1);
		return;
	}
	code_change_run(l->set, CODE_CHANGE_DEADLINE_MS, &l->failure,
			code_changed, l);
}

/* Nobody may publish a module whose calls wait at our gate. */
static int gate_take(struct loading *l)
{
	for (size_t i = 0; i < l->gate.n; i++) {
		struct hw_mod *m = l->gate.mods[i];

		if (!order_take(&l->order, m))
			return failure_set(&l->failure, "unsafe", m->name, NULL,
					   "%s: uses variables that are to be "
					   "changed, and is being loaded or "
					   "purged itself; try again",
					   m->name);
	}
	return 1;
}

static void publish(struct loading *l)
{
	int gated = load_gate(l->set, &l->gate, &l->failure);

	if (gated > 0)
		gated = gate_take(l);
	if (gated <= 0) {
		publish_now(l, false, gated);
		return;
	}
	l->gate.done = gate_closed;
	gate_close(&l->gate);
}

/* --- old versions --------------------------------------------------------- */

/* The modules that the set replaces and that have old versions already. */
static void old_find(struct loading *l)
{
	l->nold = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].unchanged && l->items[i].mod->old)
			l->old[l->nold++] = l->items[i].mod;
}

static bool still_old(const struct hw_mod *m)
{
	for (const struct hw_version *v = m->old; v; v = v->older)
		if (!v->pinned)
			return true;
	return false;
}

static void held_note(struct loading *l, struct load_item *item)
{
	if (item->unchanged || !still_old(item->mod))
		return;
	failure_set(&item->failure, "not_purged", item->mod->name, NULL,
		    "%s: its old version is still held", item->mod->name);
	l->held[l->nheld++] = item->mod;
}

static int refuse_held(struct loading *l)
{
	struct hunt *h = &l->hunt;
	const char *module, *who;

	old_find(l);
	h->mods = l->old;
	h->n = l->nold;
	if (!h->n ||
	    purge_mods(h->mods, h->n, false, &h->fates, NULL, NULL) == 0)
		return 0;
	hunt_list(h);
	for (size_t i = 0; i < l->n; i++)
		held_note(l, &l->items[i]);
	module = l->nheld ? l->held[0]->name : l->old[0]->name;
	who = hunt_blocker(h);
	return failure_set(&l->failure, "not_purged", module, NULL,
			   "%s%s: old code is still held (%s); nothing was "
			   "loaded",
			   module, l->nheld > 1 ? " and others" : "",
			   who ? who : "it cannot be seen by whom");
}

static void hunted(struct hunt *h, int result)
{
	struct loading *l =
	    (struct loading *)(void *)((char *)h -
				       offsetof(struct loading, hunt));

	if (result == 0) {
		publish(l);
		return;
	}
	l->failure = h->failure;
	finish(l, -1);
}

static void kill_held(struct loading *l)
{
	old_find(l);
	if (!l->nold) {
		publish(l);
		return;
	}
	l->hunt.mods = l->old;
	l->hunt.n = l->nold;
	l->hunt.deadline_ms = l->deadline_ms;
	l->hunt.caller = l->caller;
	l->hunt.done = hunted;
	hunt_start(&l->hunt);
}

static void conclude(struct loading *l)
{
	if (l->on_held == HELD_KILL)
		kill_held(l);
	else
		publish(l);
}

/* --- on_load -------------------------------------------------------------- */

static void on_load_done(struct on_load *o, int result)
{
	struct loading *l =
	    (struct loading *)(void *)((char *)o -
				       offsetof(struct loading, on_load));

	if (result == 0) {
		conclude(l);
		return;
	}
	failure_set(&l->failure, "on_load_failure", o->mod->name, NULL,
		    o->died ? "%s: its on_load function did not return; the "
			      "version before stays"
			    : "%s: its on_load function returned %d, not 0; "
			      "the version before stays",
		    o->mod->name, o->returned);
	finish(l, -1);
}

static void item_failed(struct loading *l, const char *module)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].mod->name, module))
			l->items[i].failure = l->failure;
}

static void on_load_or_conclude(struct loading *l)
{
	const char *module = NULL;
	int (*fn)(void) = load_on_load(l->set, &module);

	if (!fn) {
		conclude(l);
		return;
	}
	l->on_load.mod = mod_find(module);
	l->on_load.done = on_load_done;
	if (on_load_start(&l->on_load, fn) == 0)
		return;
	failure_set(&l->failure, "on_load_failure", module, NULL,
		    "%s: no process could be made for its on_load function",
		    module);
	item_failed(l, module);
	finish(l, -1);
}

/* --- from the beginning --------------------------------------------------- */

static bool all_unchanged(const struct loading *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].unchanged)
			return false;
	return true;
}

static void start(struct order *o)
{
	struct loading *l =
	    (struct loading *)(void *)((char *)o -
				       offsetof(struct loading, order));

	if (!l->mods) {
		load_no_memory(&l->failure);
		finish(l, -1);
		return;
	}
	if (l->only_first && l->n == 1 && l->mods[0] && l->mods[0]->current) {
		l->items[0].mod = l->mods[0];
		l->items[0].unchanged = true;
		finish(l, 0);
		return;
	}
	l->held = calloc(l->n + 1, sizeof(struct hw_mod *));
	l->old = calloc(l->n + 1, sizeof(struct hw_mod *));
	if (!l->held || !l->old) {
		load_no_memory(&l->failure);
		finish(l, -1);
		return;
	}
	if ((!l->set && loading_prepare(l) < 0) ||
	    load_bind(l->set, &l->failure) < 0) {
		finish(l, -1);
		return;
	}
	if (all_unchanged(l)) {
		finish(l, 0);
		return;
	}
	if (l->on_held == HELD_REFUSE && refuse_held(l) < 0) {
		finish(l, -1);
		return;
	}
	on_load_or_conclude(l);
}

int loading_prepare(struct loading *l)
{
	const char *module;

	l->set = load_new(l->items, l->n, l->force);
	if (!l->set)
		return load_no_memory(&l->failure);
	load_direction(l->set, l->down, l->extra);
	if (load_prepare(l->set, &l->failure) < 0)
		return -1;
	if (!l->atomic || !load_on_load(l->set, &module))
		return 0;
	failure_set(&l->failure, "on_load_not_allowed", module, NULL,
		    "%s: has an on_load function, and cannot be part of a set; "
		    "load it alone",
		    module);
	item_failed(l, module);
	return -1;
}

void loading_submit(struct loading *l)
{
	size_t n = 0;

	l->mods = calloc(l->n + hw_guest.nmods + 1, sizeof(struct hw_mod *));
	for (size_t i = 0; l->mods && i < l->n; i++) {
		struct hw_mod *m = mod_named(l->items[i].module);

		if (m)
			l->mods[n++] = m;
	}
	l->order = (struct order){.start = start, .mods = l->mods, .n = n};
	order_submit(&l->order);
}

void loading_free(struct loading *l)
{
	load_free(l->set);
	hunt_free(&l->hunt);
	free(l->held);
	free(l->old);
	free(l->mods);
}
