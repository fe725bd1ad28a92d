/* SPDX-License-Identifier: MIT
 *
 * Who still runs old code, told as it happens: `held` when a version is, once;
 * again when a loop has stayed in it, with what to write about it; `purged`
 * when it is gone; `exited` when processes ended otherwise than normally.
 *
 * What targets notify is collected for a moment (SETTLE_MS) and then told
 * together: a hundred forked workers that hold one version are one line, and
 * so is a purge that ends a thousand processes; and a version that is held
 * only while a function returns is not worth one. Then the holders of targets
 * that spoke of a change are asked for and named (engine-gather.c). While that
 * goes on nothing is told, so that no version is purged before it was held.
 */
#include "watcher/gather.h"

#include "watcher/held.h"
#include "watcher/jsonget.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 100
#define LOOKS_MAX 8    /* for a loop in one version: it cannot be named */
#define HOLDERS_MAX 16 /* of one target, that an event names */
#define ROUND_MS 5300  /* a loop that is still there after 5 s will stay */

/* What was told of one version in one target. */
struct note {
	char *module;
	int version;
	bool hinted, framed;
	unsigned looks; /* at it while it was framed and not hinted */
	char *phrase;
	int holders;
};

static void note_free(struct note *n)
{
	free(n->module);
	free(n->phrase);
	free(n);
}

static char *note_key(const char *module, int version)
{
	return xasprintf("%s@%d", module, version);
}

static struct note *note_get(struct peer *p, const char *module, int version,
			     bool make)
{
	char *key = note_key(module, version);
	struct note *n = strmap_get(&p->held, key);

	if (!n && make) {
		n = xcalloc(1, sizeof(*n));
		n->module = xstrdup(module);
		n->version = version;
		strmap_put(&p->held, key, n);
	}
	free(key);
	return n;
}

static bool note_drop(struct peer *p, const char *module, int version)
{
	char *key = note_key(module, version);
	struct note *n = strmap_get(&p->held, key);

	if (n) {
		strmap_remove(&p->held, key);
		note_free(n);
	}
	free(key);
	return n != NULL;
}

void held_forget(struct peer *p)
{
	void *v;

	for (size_t i = 0; strmap_next(&p->held, &i, &v);)
		note_free(v);
	strmap_free(&p->held);
}

cJSON *held_status(const struct peer *p)
{
	cJSON *list = cJSON_CreateArray();
	void *v;

	for (size_t i = 0; strmap_next(&p->held, &i, &v);) {
		const struct note *n = v;
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "module", n->module);
		cJSON_AddNumberToObject(o, "version", n->version);
		cJSON_AddNumberToObject(o, "holders", n->holders);
		cJSON_AddStringToObject(o, "message", n->phrase);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* --- events -------------------------------------------------------------- */

struct events {
	struct event **v;
	size_t n;
};

/* The one in L of KIND about VERSION of MODULE (NULL: any), with the message
 * SAME (NULL: any); made if there is none. */
static struct event *event_about(struct events *l, enum event_kind kind,
				 const char *module, int version,
				 const char *same)
{
	struct event *ev;

	for (size_t i = 0; i < l->n; i++) {
		ev = l->v[i];
		if (ev->kind == kind && ev->version == version &&
		    (!module || !strcmp(ev->modules[0], module)) &&
		    (!same || !strcmp(ev->message, same)))
			return ev;
	}
	ev = event_new(kind);
	ev->version = version;
	ev->details = cJSON_CreateArray();
	if (module) {
		struct strv names = {0};

		strv_add(&names, module);
		ev->modules = strv_take(&names);
	}
	if (same)
		ev->message = xstrdup(same);
	l->v = xrealloc(l->v, (l->n + 1) * sizeof(struct event *));
	l->v[l->n++] = ev;
	return ev;
}

static void event_has_target(struct event *ev, int pid)
{
	struct event_target *t;

	for (size_t i = 0; i < ev->ntargets; i++)
		if (ev->targets[i].pid == pid)
			return;
	t = event_add_target(ev, pid);
	if (ev->modules)
		event_target_version(t, ev->modules[0], ev->version);
}

static void tell_all(struct engine *e, struct events *l)
{
	for (size_t i = 0; i < l->n; i++)
		engine_tell(e, l->v[i]);
	free(l->v);
}

/* --- purged, exited ------------------------------------------------------ */

static void take_fate(struct peer *p, struct events *l, const cJSON *fate)
{
	const char *module = json_str(fate, "module");
	int version = json_int(fate, "version", 0);
	struct event *ev;

	ev = event_about(l, EVENT_PURGED, module, version, NULL);
	ev->was_held |= note_drop(p, module, version);
	event_has_target(ev, p->session->pid);
	cJSON_AddItemToArray(ev->details, cJSON_Duplicate(fate, true));
}

static void take_exit(struct peer *p, struct events *l, const cJSON *exit)
{
	struct event *ev =
	    event_about(l, EVENT_EXITED, NULL, -1, json_str(exit, "reason"));

	event_has_target(ev, p->session->pid);
	cJSON_AddItemToArray(ev->details, cJSON_Duplicate(exit, true));
}

static void tell_notified(struct engine *e)
{
	struct events l = {0};

	for (struct peer *p = e->peers; p; p = p->next) {
		const cJSON *i;

		cJSON_ArrayForEach(i, p->exits) take_exit(p, &l, i);
		cJSON_ArrayForEach(i, p->fates) take_fate(p, &l, i);
		cJSON_Delete(p->exits);
		cJSON_Delete(p->fates);
		p->exits = p->fates = NULL;
	}
	tell_all(e, &l);
}

/* --- held ---------------------------------------------------------------- */

static struct peer *peer_of(struct engine *e, int pid)
{
	for (struct peer *p = e->peers; p; p = p->next)
		if (p->mine && p->session->pid == pid)
			return p;
	return NULL;
}

static const cJSON *find_hint(const cJSON *holders)
{
	const cJSON *h;

	cJSON_ArrayForEach(h, holders)
	{
		if (json_at(h, "hint"))
			return h;
	}
	return NULL;
}

static bool any_frame(const cJSON *holders)
{
	const cJSON *h;

	cJSON_ArrayForEach(h, holders)
	{
		if (!strcmp(json_str(h, "kind"), "frame"))
			return true;
	}
	return false;
}

/* An event is kept for long: the first few, and no whole stacks. */
static void add_holders(struct event *ev, const cJSON *holders, int pid)
{
	const cJSON *h;
	int n = 0;

	cJSON_ArrayForEach(h, holders)
	{
		cJSON *o = n++ < HOLDERS_MAX ? cJSON_Duplicate(h, true) : NULL;

		if (!o)
			break;
		cJSON_DeleteItemFromObjectCaseSensitive(o, "frames");
		cJSON_AddNumberToObject(o, "pid", pid);
		cJSON_AddItemToArray(ev->details, o);
	}
}

/* One version in one target, with its holders as they are now. */
static void take_version(struct peer *p, struct events *l, const cJSON *o)
{
	const cJSON *holders = json_at(o, "holders");
	const char *module = json_str(o, "module");
	int version = json_int(o, "version", 0), pid = p->session->pid;
	bool told = note_get(p, module, version, false) != NULL;
	const cJSON *hint = find_hint(holders);
	struct text phrase = {0};
	struct event *ev;
	struct note *n;

	if (!cJSON_GetArraySize(holders))
		return;
	n = note_get(p, module, version, true);
	held_phrases(&phrase, holders, pid);
	free(n->phrase);
	n->phrase = text_take(&phrase);
	n->holders = cJSON_GetArraySize(holders);
	n->framed = any_frame(holders);
	n->looks++;
	if (told && (!hint || n->hinted))
		return;
	if (hint)
		held_phrase(&phrase, hint, pid);
	ev = event_about(l, EVENT_HELD, module, version,
			 hint ? phrase.s : n->phrase);
	text_free(&phrase);
	n->hinted |= hint != NULL;
	if (hint && !ev->hint)
		ev->hint = xstrdup(json_str(hint, "hint"));
	event_has_target(ev, pid);
	add_holders(ev, holders, pid);
}

static bool waits_for_loop(const struct peer *p)
{
	void *v;

	for (size_t i = 0; strmap_next(&p->held, &i, &v);)
		if (((struct note *)v)->framed && !((struct note *)v)->hinted &&
		    ((struct note *)v)->looks < LOOKS_MAX)
			return true;
	return false;
}

static void round_due(uv_timer_t *t)
{
	struct engine *e = t->data;

	for (struct peer *p = e->peers; p; p = p->next)
		p->look |= waits_for_loop(p);
	held_soon(e);
}

static void look_again(struct engine *e)
{
	bool any = false;

	for (struct peer *p = e->peers; p; p = p->next)
		any |= waits_for_loop(p);
	if (any && !uv_is_active((uv_handle_t *)&e->loop_timer))
		uv_timer_start(&e->loop_timer, round_due, ROUND_MS, 0);
}

static bool any_news(const struct engine *e)
{
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->look || p->fates || p->exits)
			return true;
	return false;
}

static void looked(struct engine *e, cJSON *answers, void *arg)
{
	struct events l = {0};
	const cJSON *a, *m;

	(void)arg;
	e->looking = false;
	if (!answers)
		return;
	cJSON_ArrayForEach(a, answers)
	{
		struct peer *p = peer_of(e, json_int(a, "pid", 0));

		cJSON_ArrayForEach(m, json_at(json_at(a, "result"), "modules"))
		{
			if (p)
				take_version(p, &l, m);
		}
	}
	cJSON_Delete(answers);
	tell_all(e, &l);
	look_again(e);
	if (any_news(e))
		held_soon(e);
}

static void look(struct engine *e)
{
	struct gather *g = NULL;

	for (struct peer *p = e->peers; p; p = p->next) {
		if (!p->look || !p->session->ready)
			continue;
		p->look = false;
		if (!g)
			g = gather_new(e, e->answer_ms, looked, NULL);
		gather_ask(g, p, "code/holders", NULL);
	}
	e->looking = g != NULL;
	if (g)
		gather_go(g);
}

static void settled(uv_timer_t *t)
{
	struct engine *e = t->data;

	tell_notified(e);
	look(e);
}

void held_soon(struct engine *e)
{
	if (!e->looking && !e->closing &&
	    !uv_is_active((uv_handle_t *)&e->held_timer))
		uv_timer_start(&e->held_timer, settled, SETTLE_MS, 0);
}

/* --- what targets tell --------------------------------------------------- */

static void keep(cJSON **list, const cJSON *o)
{
	if (!*list)
		*list = cJSON_CreateArray();
	cJSON_AddItemToArray(*list, cJSON_Duplicate(o, true));
}

/* What was refused for a version that was held is tried again. */
static void purged(struct peer *p)
{
	struct engine *e = p->e;

	if (!p->not_purged)
		return;
	p->not_purged = false;
	for (struct set *s = e->sets; s; s = s->next)
		set_forgive(s, p->session->pid);
	engine_pump(e);
}

/* How processes end that do what they are told. */
static bool is_meant(const char *reason)
{
	return !strcmp(reason, "normal") || !strcmp(reason, "shutdown");
}

void held_told(struct peer *p, const char *method, const cJSON *params)
{
	if (!strcmp(method, "code/holdersChanged")) {
		p->look = true;
	} else if (!strcmp(method, "code/purged")) {
		keep(&p->fates, params);
	} else if (!is_meant(json_str(params, "reason"))) {
		keep(&p->exits, params);
	}
	if (any_news(p->e))
		held_soon(p->e);
	if (!strcmp(method, "code/purged"))
		purged(p);
}

/* A target that has old versions already, perhaps since before we came. */
void held_attached(struct peer *p)
{
	void *v;

	for (size_t i = 0; strmap_next(&p->session->modules, &i, &v);)
		p->look |= ((struct session_module *)v)->nversions > 1;
	if (p->look)
		held_soon(p->e);
}
