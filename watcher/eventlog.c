/* SPDX-License-Identifier: MIT
 *
 * Events and the ring that keeps the newest of them.
 *
 * The ring is indexed by seq, so "all after N" is a range and a client that
 * lost its connection asks for what it missed. Progress (EVENT_BUILDING) is
 * not kept: in a log it would only push out what happened.
 */
#include "watcher/eventlog.h"

#include "watcher/util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <sys/time.h>

struct eventlog {
	struct event *ring[EVENTLOG_SIZE];
	uint64_t last; /* seq of the newest; the first is 1 */
};

static const char *const kind_names[] = {
    [EVENT_LIVE] = "live",         [EVENT_ERROR] = "error",
    [EVENT_REFUSED] = "refused",   [EVENT_UNCHANGED] = "unchanged",
    [EVENT_BUILDING] = "building", [EVENT_ATTACHED] = "target-attached",
    [EVENT_LOST] = "target-lost",  [EVENT_OVERFLOW] = "overflow",
    [EVENT_HELD] = "held",         [EVENT_PURGED] = "purged",
    [EVENT_EXITED] = "exited",     [EVENT_NOTICE] = "notice",
};

/* What an event's details are called. */
static const char *const detail_names[] = {
    [EVENT_HELD] = "holders",
    [EVENT_PURGED] = "fates",
    [EVENT_EXITED] = "exits",
    [EVENT_NOTICE] = NULL,
};

static const char *const phase_names[PHASES] = {
    [PHASE_WAIT] = "wait", [PHASE_COMPILE] = "compile", [PHASE_LINK] = "link",
    [PHASE_LOAD] = "load", [PHASE_TOTAL] = "total",
};

const char *event_kind_name(enum event_kind kind)
{
	return kind_names[kind];
}

struct event *event_new(enum event_kind kind)
{
	struct event *e = xcalloc(1, sizeof(*e));

	e->kind = kind;
	e->version = -1;
	for (int i = 0; i < PHASES; i++)
		e->ms[i] = -1;
	return e;
}

struct event_target *event_add_target(struct event *e, int pid)
{
	struct event_target *t;

	e->targets =
	    xrealloc(e->targets, (e->ntargets + 1) * sizeof(*e->targets));
	t = &e->targets[e->ntargets++];
	*t = (struct event_target){.pid = pid, .ok = true};
	return t;
}

void event_target_version(struct event_target *t, const char *module,
			  int version)
{
	t->versions =
	    xrealloc(t->versions, (t->nversions + 1) * sizeof(*t->versions));
	t->versions[t->nversions++] =
	    (struct event_version){xstrdup(module), version};
}

static void target_free(struct event_target *t)
{
	for (size_t i = 0; i < t->nversions; i++)
		free(t->versions[i].module);
	free(t->versions);
	free(t->reason);
	free(t->message);
	free(t->module);
	free(t->symbol);
	cJSON_Delete(t->state);
}

void event_free(struct event *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->ntargets; i++)
		target_free(&e->targets[i]);
	free(e->targets);
	freev(e->modules);
	diagnostics_free(&e->diagnostics);
	free(e->message);
	free(e->hint);
	cJSON_Delete(e->details);
	free(e);
}

double event_ms_between(uint64_t from, uint64_t to)
{
	return from && to > from ? (double)(to - from) / 1e6 : 0;
}

bool event_ok(const struct event *e)
{
	if (e->kind == EVENT_ERROR || e->kind == EVENT_REFUSED)
		return false;
	for (size_t i = 0; i < e->ntargets; i++)
		if (!e->targets[i].ok)
			return false;
	return true;
}

static cJSON *target_json(const struct event_target *t)
{
	cJSON *o = cJSON_CreateObject(), *versions;

	cJSON_AddNumberToObject(o, "pid", t->pid);
	cJSON_AddBoolToObject(o, "ok", t->ok);
	versions = cJSON_AddObjectToObject(o, "versions");
	for (size_t i = 0; i < t->nversions; i++)
		cJSON_AddNumberToObject(versions, t->versions[i].module,
					t->versions[i].version);
	if (t->reason)
		cJSON_AddStringToObject(o, "reason", t->reason);
	if (t->message)
		cJSON_AddStringToObject(o, "message", t->message);
	if (t->module)
		cJSON_AddStringToObject(o, "module", t->module);
	if (t->symbol)
		cJSON_AddStringToObject(o, "symbol", t->symbol);
	if (t->state)
		cJSON_AddItemToObject(o, "state",
				      cJSON_Duplicate(t->state, true));
	return o;
}

/* Milliseconds with two decimals: what a person reads and a script parses. */
static double rounded(double ms)
{
	return (double)(int64_t)(ms * 100 + 0.5) / 100;
}

static void add_phases(cJSON *o, const struct event *e)
{
	cJSON *ms = cJSON_AddObjectToObject(o, "ms");

	for (int i = 0; i < PHASES; i++)
		if (e->ms[i] >= 0)
			cJSON_AddNumberToObject(ms, phase_names[i],
						rounded(e->ms[i]));
}

cJSON *event_json(const struct event *e)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddNumberToObject(o, "seq", (double)e->seq);
	cJSON_AddNumberToObject(o, "time", (double)e->time);
	cJSON_AddStringToObject(o, "kind", event_kind_name(e->kind));
	list = cJSON_AddArrayToObject(o, "modules");
	for (char **m = e->modules; m && *m; m++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*m));
	if (e->version >= 0)
		cJSON_AddNumberToObject(o, "version", e->version);
	add_phases(o, e);
	list = cJSON_AddArrayToObject(o, "targets");
	for (size_t i = 0; i < e->ntargets; i++)
		cJSON_AddItemToArray(list, target_json(&e->targets[i]));
	cJSON_AddItemToObject(o, "diagnostics",
			      diagnostics_json(&e->diagnostics));
	if (e->message)
		cJSON_AddStringToObject(o, "message", e->message);
	if (e->hint)
		cJSON_AddStringToObject(o, "hint", e->hint);
	if (e->kind == EVENT_PURGED)
		cJSON_AddBoolToObject(o, "was_held", e->was_held);
	if (e->details)
		cJSON_AddItemToObject(o, detail_names[e->kind],
				      cJSON_Duplicate(e->details, true));
	if (e->kind == EVENT_BUILDING) {
		cJSON_AddNumberToObject(o, "done", e->done);
		cJSON_AddNumberToObject(o, "total", e->total);
	}
	return o;
}

struct eventlog *eventlog_new(void)
{
	return xcalloc(1, sizeof(struct eventlog));
}

void eventlog_free(struct eventlog *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < EVENTLOG_SIZE; i++)
		event_free(l->ring[i]);
	free(l);
}

void eventlog_add(struct eventlog *l, struct event *e)
{
	struct timeval now;
	struct event **slot;

	gettimeofday(&now, NULL);
	e->time = (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
	if (e->kind == EVENT_BUILDING)
		return;
	e->seq = ++l->last;
	slot = &l->ring[e->seq % EVENTLOG_SIZE];
	event_free(*slot);
	*slot = e;
}

cJSON *eventlog_json(const struct eventlog *l, uint64_t after)
{
	cJSON *list = cJSON_CreateArray();
	uint64_t seq = after + 1;

	if (l->last >= EVENTLOG_SIZE && seq <= l->last - EVENTLOG_SIZE)
		seq = l->last - EVENTLOG_SIZE + 1;
	for (; seq <= l->last; seq++)
		cJSON_AddItemToArray(list,
				     event_json(l->ring[seq % EVENTLOG_SIZE]));
	return list;
}
