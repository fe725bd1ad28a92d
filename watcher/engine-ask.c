/* SPDX-License-Identifier: MIT
 *
 * Calls that wait: engine_sync and engine_load.
 *
 * Both first wait until the watch has delivered what was on disk before the
 * call. Then a sync waits until nothing is left to be done, and a load puts
 * its modules into one set and waits for what is told of that set.
 */
#include "watcher/engine-internal.h"

#include <stdlib.h>
#include <string.h>

struct ask {
	struct ask *next;
	struct engine *e; /* NULL: the engine has closed */
	bool seen;        /* what was on disk before the call has arrived */
	void (*synced)(int status, void *arg); /* of engine_sync, or NULL */
	engine_load_cb *loaded;
	void *arg;
	struct strv names;
	unsigned flags;
	char *extra;
	struct set *set;
	uint64_t first;
};

static void ask_unlink(struct ask *a)
{
	struct ask **p = &a->e->asks;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
}

static void ask_free(struct ask *a)
{
	strv_free(&a->names);
	free(a->extra);
	free(a);
}

static void answer_sync(struct ask *a, int status)
{
	ask_unlink(a);
	a->synced(status, a->arg);
	ask_free(a);
}

static void answer_load(struct ask *a, const struct event *ev,
			const char *reason, const char *message)
{
	ask_unlink(a);
	a->loaded(ev, reason, message, a->arg);
	ask_free(a);
}

/* --- loading ------------------------------------------------------------- */

struct module *ask_module(const struct program *p, const char *name,
			  int *ambiguous)
{
	const struct manifest_module *mm =
	    manifest_find(p->manifest, name, ambiguous);
	char *path = path_absolute(p->e->root, name);
	struct module *m = NULL;

	for (size_t i = 0; !m && i < p->nmodules; i++)
		if (p->modules[i]->m == mm ||
		    (!mm && !strcmp(p->modules[i]->m->source, path)))
			m = p->modules[i];
	free(path);
	return m;
}

static bool any_attached(const struct engine *e)
{
	for (const struct program *p = e->programs; p; p = p->next)
		if (p->attached)
			return true;
	return false;
}

const char *ask_wrong(struct engine *e, const char *name, char **message)
{
	int ambiguous = 0;
	bool known = false;

	for (struct program *p = e->programs; p; p = p->next) {
		bool has = ask_module(p, name, &ambiguous) != NULL;

		if (has && p->attached)
			return NULL;
		known |= has;
	}
	if (ambiguous)
		*message = xasprintf("several modules are named %s; give more "
				     "of the path",
				     name);
	else if (known || !any_attached(e))
		*message =
		    xasprintf("no running program has the module %s", name);
	else
		*message = xasprintf("no module is named %s; `hotwatch "
				     "modules` lists them",
				     name);
	return known || !any_attached(e) ? "no_target" : "unknown_module";
}

static void ask_unit(struct ask *a, struct unit *u)
{
	if (u->state == UNIT_FAILED || u->state == UNIT_GONE)
		unit_touch(u);
	if (a->flags & ENGINE_FORCE) {
		unit_touch(u);
		u->force = true;
	}
	a->set = set_join(a->set, u, SET_ASKED, a->first);
	a->set->why = SET_ASKED;
	a->set->flags |= a->flags;
	if (a->extra)
		set_extra(a->set, a->extra);
}

static void ask_name(struct ask *a, const char *name)
{
	int ambiguous;

	for (struct program *p = a->e->programs; p; p = p->next) {
		struct module *m = ask_module(p, name, &ambiguous);

		if (m && p->attached)
			ask_unit(a, m->unit);
	}
}

static void begin_load(struct ask *a)
{
	const char *reason = NULL;
	char *message = NULL;

	for (size_t i = 0; i < a->names.n && !reason; i++)
		reason = ask_wrong(a->e, a->names.v[i], &message);
	if (!a->names.n)
		reason = "unknown_module";
	if (reason) {
		answer_load(a, NULL, reason,
			    message ? message : "no module was named");
		free(message);
		return;
	}
	for (size_t i = 0; i < a->names.n; i++)
		ask_name(a, a->names.v[i]);
}

/* --- the ways on --------------------------------------------------------- */

static void seen(int status, void *arg)
{
	struct ask *a = arg;
	struct engine *e = a->e;

	(void)status;
	if (!e) {
		ask_free(a);
		return;
	}
	a->seen = true;
	targets_scan(e->targets);
	engine_pump(e);
}

static void ask_begin(struct engine *e, struct ask *a)
{
	a->e = e;
	a->first = uv_hrtime();
	a->next = e->asks;
	e->asks = a;
	targets_scan(e->targets);
	if (watch_sync(e->watch, seen, a) == 0)
		return;
	a->seen = true; /* what the watch cannot tell is not waited for */
	engine_pump(e);
}

void engine_sync(struct engine *e, void (*done)(int status, void *arg),
		 void *arg)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	a->synced = done;
	a->arg = arg;
	ask_begin(e, a);
}

void engine_load(struct engine *e, const char *const *modules, unsigned flags,
		 const char *extra, engine_load_cb *done, void *arg)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	strv_addv(&a->names, modules);
	a->loaded = done;
	a->arg = arg;
	a->flags = flags;
	a->extra = extra ? xstrdup(extra) : NULL;
	ask_begin(e, a);
}

/* The calls below begin again after each answer: who is answered may call,
 * or close the engine. */
static struct ask *ask_find(struct engine *e,
			    bool (*is)(const struct ask *a, const void *what),
			    const void *what)
{
	for (struct ask *a = e->asks; a; a = a->next)
		if (is(a, what))
			return a;
	return NULL;
}

static bool is_for_set(const struct ask *a, const void *set)
{
	return a->set && a->set == set;
}

static bool is_seen_sync(const struct ask *a, const void *what)
{
	(void)what;
	return a->seen && a->synced;
}

static bool is_seen_load(const struct ask *a, const void *what)
{
	(void)what;
	return a->seen && a->loaded && !a->set;
}

void asks_told(struct engine *e, const struct set *s, const struct event *ev)
{
	struct ask *a;

	while ((a = ask_find(e, is_for_set, s)))
		answer_load(a, ev, NULL, NULL);
}

void asks_merged(struct engine *e, const struct set *from, struct set *to)
{
	struct ask *a;

	while ((a = ask_find(e, is_for_set, from))) {
		a->set = to;
		if (!to)
			answer_load(a, NULL, "no_target",
				    "the program ended before it was loaded");
	}
}

void asks_step(struct engine *e)
{
	struct ask *a;

	while (!peers_joining(e) && (a = ask_find(e, is_seen_load, NULL)))
		begin_load(a);
}

void asks_idle(struct engine *e)
{
	struct ask *a;

	while ((a = ask_find(e, is_seen_sync, NULL)))
		answer_sync(a, 0);
}

void asks_close(struct engine *e)
{
	while (e->asks) {
		struct ask *a = e->asks;

		ask_unlink(a);
		if (a->synced)
			a->synced(ENGINE_ERROR, a->arg);
		else
			a->loaded(NULL, "closed", "the watcher has ended",
				  a->arg);
		a->e = NULL;
		if (a->seen)
			ask_free(a);
	}
}
