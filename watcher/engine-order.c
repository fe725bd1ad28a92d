/* SPDX-License-Identifier: MIT
 *
 * What is asked of targets and passed on as they answer: holders, ps, getState,
 * and the orders softPurge, purge, delete, rollback, suspend, resume,
 * changeCode. A table says how each is called.
 *
 * Several targets are asked at once. One that has no such module is left out,
 * unless none has it; one that refuses does not stop the others: the result
 * has an answer for each.
 *
 * A rollback or a delete makes a target differ from what is on disk on
 * purpose. Nothing undoes that: the engine loads when a file is saved, when it
 * is asked to, and when a target or the watcher starts, and not because of a
 * difference alone.
 */
#include "watcher/gather.h"

#include "watcher/jsonget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 5000 /* a purge's, if none is said */

struct verb {
	const char *method;    /* the watcher's */
	const char *asks;      /* the target's */
	const char *done;      /* for the event, or NULL */
	bool module;           /* needs one */
	bool modules;          /* the answer is {modules}, not {result} */
	const char *passed[6]; /* params that are passed on */
};

static const struct verb verbs[] = {
    {"watch/holders", "code/holders", NULL, false, true, {0}},
    {"watch/ps", "process/list", NULL, false, false, {0}},
    {"watch/softPurge", "code/softPurge", NULL, true, false, {0}},
    {"watch/purge", "code/purge", NULL, true, false, {"deadline_ms"}},
    {"watch/delete", "code/delete", "deleted", true, false, {0}},
    {"watch/rollback",
     "code/rollback",
     "rolled back",
     true,
     false,
     {"to", "extra"}},
    {"watch/suspend",
     "sys/suspend",
     NULL,
     false,
     false,
     {"process", "timeout_ms"}},
    {"watch/resume",
     "sys/resume",
     NULL,
     false,
     false,
     {"process", "timeout_ms"}},
    {"watch/changeCode",
     "sys/changeCode",
     NULL,
     true,
     false,
     {"process", "timeout_ms", "vsn", "extra", "down"}},
    {"watch/getState",
     "sys/getState",
     NULL,
     false,
     false,
     {"process", "timeout_ms"}},
};

struct order {
	const struct verb *verb;
	engine_order_cb *done;
	void *arg;
};

static const struct verb *verb_find(const char *method)
{
	const struct verb *v = verbs;

	while (strcmp(v->method, method) != 0)
		v++;
	return v;
}

/* As text, whether it is a pid or a name. */
static const char *target_of(const cJSON *params, char buf[16])
{
	if (!cJSON_IsNumber(json_at(params, "target")))
		return json_str(params, "target");
	snprintf(buf, 16, "%d", json_int(params, "target", 0));
	return buf;
}

/* --- whom ---------------------------------------------------------------- */

/* What the target P calls the module NAME, or NULL: as its manifest has it,
 * else as it said itself. */
static const char *module_in(const struct peer *p, const char *name)
{
	const struct module *m;
	int ambiguous = 0;
	const cJSON *i;

	m = p->program ? ask_module(p->program, name, &ambiguous) : NULL;
	if (m)
		return m->m->name;
	cJSON_ArrayForEach(i, p->session->loaded)
	{
		if (!strcmp(json_str(i, "module"), name) ||
		    !strcmp(json_str(i, "source"), name))
			return json_str(i, "module");
	}
	return NULL;
}

/* The I-th module that is asked about; NULL: there are no more. */
static const char *name_at(const cJSON *params, int i)
{
	const cJSON *list = json_at(params, "modules"), *name;

	name = list     ? cJSON_GetArrayItem(list, i)
	       : i == 0 ? json_at(params, "module")
			: NULL;
	return cJSON_IsString(name) && *name->valuestring ? name->valuestring
							  : NULL;
}

/* Those of them that P has; NULL: none. */
static cJSON *modules_in(const struct peer *p, const cJSON *params)
{
	cJSON *list = cJSON_CreateArray();
	const char *name;

	for (int i = 0; (name = name_at(params, i)); i++) {
		const char *module = module_in(p, name);

		if (module)
			cJSON_AddItemToArray(list, cJSON_CreateString(module));
	}
	if (cJSON_GetArraySize(list))
		return list;
	cJSON_Delete(list);
	return NULL;
}

static cJSON *params_for(const struct verb *v, const cJSON *params)
{
	cJSON *o = cJSON_CreateObject();

	for (const char *const *p = v->passed; *p; p++)
		if (json_at(params, *p))
			cJSON_AddItemToObject(
			    o, *p, cJSON_Duplicate(json_at(params, *p), true));
	return o;
}

/* MODULES is consumed. */
static void ask_one(struct gather *g, struct peer *p, const struct verb *v,
		    const cJSON *params, cJSON *modules)
{
	cJSON *o = params_for(v, params);

	if (json_at(params, "modules")) {
		cJSON_AddItemToObject(o, "modules", modules);
	} else {
		if (modules)
			cJSON_AddItemToObject(o, "module",
					      cJSON_DetachItemFromArray(modules,
									0));
		cJSON_Delete(modules);
	}
	gather_ask(g, p, v->asks, o);
}

static void ask_all(struct engine *e, struct gather *g, const struct verb *v,
		    const cJSON *params)
{
	bool any = name_at(params, 0) != NULL;
	char buf[16];
	const char *target = target_of(params, buf);

	for (struct peer *p = e->peers; p; p = p->next) {
		cJSON *modules;

		if (!p->mine || !peer_named(p, target))
			continue;
		modules = any ? modules_in(p, params) : NULL;
		if (!any || modules)
			ask_one(g, p, v, params, modules);
	}
}

/* --- the answers --------------------------------------------------------- */

/* {pid, ok, result: {modules}} becomes {pid, ok, modules}. */
static void lift_modules(cJSON *answers)
{
	cJSON *a;

	cJSON_ArrayForEach(a, answers)
	{
		cJSON *result =
		    cJSON_DetachItemFromObjectCaseSensitive(a, "result");
		cJSON *modules =
		    cJSON_DetachItemFromObjectCaseSensitive(result, "modules");

		cJSON_AddItemToObject(a, "modules",
				      modules ? modules : cJSON_CreateArray());
		cJSON_Delete(result);
	}
}

static void tell_done(struct engine *e, const struct verb *v,
		      const cJSON *answer)
{
	const cJSON *result = json_at(answer, "result");
	int version = json_int(result, "version", -1);

	if (!json_true(answer, "ok") || !v->done)
		return;
	if (version >= 0)
		engine_notice(e, EVENT_NOTICE, "%s %s, as v%d, in pid %d",
			      json_str(result, "module"), v->done, version,
			      json_int(answer, "pid", 0));
}

/* Whoever deleted has another list of modules now, and no notification says
 * so. */
static void refresh(struct engine *e)
{
	for (struct peer *p = e->peers; p; p = p->next)
		session_refresh(p->session);
}

/* What the answer says is true at once, not when the modules have been read
 * again: a load that is asked for next would find that nothing differs. */
static void take_done(struct engine *e, const cJSON *answer)
{
	const cJSON *result = json_at(answer, "result");
	const struct session_loaded l = {.module = json_str(answer, "module"),
					 .hash = json_str(result, "hash"),
					 .version =
					     json_int(result, "version", 0)};

	if (!*l.hash && !json_true(result, "deleted"))
		return;
	for (struct peer *p = e->peers; p; p = p->next)
		if (p->session->pid == json_int(answer, "pid", 0))
			session_module_current(p->session, &l);
}

static void take_all_done(struct engine *e, const cJSON *answers)
{
	const cJSON *a;

	cJSON_ArrayForEach(a, answers) take_done(e, a);
	refresh(e);
}

static void gathered(struct engine *e, cJSON *answers, void *arg)
{
	struct order *o = arg;
	cJSON *result = cJSON_CreateObject();
	const cJSON *a;

	if (!answers) {
		o->done(NULL, "closed", "the watcher has ended", o->arg);
	} else {
		cJSON_ArrayForEach(a, answers) tell_done(e, o->verb, a);
		if (o->verb->modules)
			lift_modules(answers);
		if (o->verb->done)
			take_all_done(e, answers);
		cJSON_AddItemToObject(result, "targets", answers);
		o->done(result, NULL, NULL, o->arg);
	}
	cJSON_Delete(result);
	free(o);
}

/* None could be asked about NAME (NULL: about anything): says why. */
static void refuse(struct engine *e, const char *name, const cJSON *params,
		   engine_order_cb *done, void *arg)
{
	char buf[16], *message = NULL;
	const char *target = target_of(params, buf), *reason = NULL;

	if (name)
		reason = ask_wrong(e, name, &message);
	if (!reason) {
		reason = "no_target";
		message = *target
			      ? xasprintf("%s is not among the project's "
					  "processes, or has no such module",
					  target)
			      : xstrdup("no hot-built program of the project "
					"runs");
	}
	done(NULL, reason, message, arg);
	free(message);
}

static bool any_has(const struct engine *e, const char *name,
		    const cJSON *params)
{
	char buf[16];
	const char *target = target_of(params, buf);

	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->mine && peer_named(p, target) && module_in(p, name))
			return true;
	return false;
}

/* The first module that nobody has, or NULL. */
static const char *unknown(const struct engine *e, const cJSON *params)
{
	const char *name;

	for (int i = 0; (name = name_at(params, i)); i++)
		if (!any_has(e, name, params))
			return name;
	return NULL;
}

void engine_order(struct engine *e, const char *method, const cJSON *params,
		  engine_order_cb *done, void *arg)
{
	const struct verb *v = verb_find(method);
	const char *name = unknown(e, params);
	unsigned limit = e->answer_ms;
	struct order *o;
	struct gather *g;

	if (v->module && !name_at(params, 0)) {
		done(NULL, "unknown_module", "no module was named", arg);
		return;
	}
	if (name) {
		refuse(e, name, params, done, arg);
		return;
	}
	if (v->passed[0])
		limit += (unsigned)json_int(params, "deadline_ms",
					    json_int(params, "timeout_ms",
						     DEADLINE_MS));
	o = xcalloc(1, sizeof(*o));
	*o = (struct order){v, done, arg};
	g = gather_new(e, limit, gathered, o);
	ask_all(e, g, v, params);
	gather_go(g);
}
