/* SPDX-License-Identifier: MIT
 *
 * The orders of a release, carried out in one target: each becomes requests,
 * for every process or module that it is about. What was done leaves a note of
 * what takes it back (release-undo.c) at once, so that a failure half way
 * through an order is no special case.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watcher/jsonget.h"
#include "watcher/release-internal.h"

/* --- processes ------------------------------------------------------------ */

static bool has_name(char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static bool is_meant(const struct release_step *s, const cJSON *process)
{
	char number[24];

	if (!s->processes[0])
		return has_name(s->modules, json_str(process, "module"));
	snprintf(number, sizeof(number), "%d", json_int(process, "process", 0));
	return has_name(s->processes, json_str(process, "name")) ||
	       has_name(s->processes, number);
}

/* The processes of S, as process/list has them; NULL: T failed. Those that are
 * named must be there. */
static cJSON *processes_find(struct release_target *t,
			     const struct release_step *s)
{
	cJSON *all = target_must(t, "process/list", NULL), *list;
	const cJSON *p;
	int n;

	if (!all)
		return NULL;
	list = cJSON_CreateArray();
	cJSON_ArrayForEach(p, json_at(all, "processes"))
	{
		if (is_meant(s, p))
			cJSON_AddItemToArray(list, cJSON_Duplicate(p, true));
	}
	cJSON_Delete(all);
	n = cJSON_GetArraySize(list);
	if (n < (int)lenv(s->processes)) {
		target_fail(t, TARGET_FAILED, "noproc",
			    "not all of the processes that the instruction "
			    "names are there; `hotwatch ps` lists them");
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void pause_add(struct release_target *t, double us)
{
	if (us > t->pause_us)
		t->pause_us = us;
}

static bool suspend_one(struct release_target *t, const struct release_step *s,
			int process)
{
	if (!t->suspended_us)
		t->suspended_us = now_us();
	if (!target_done(
		target_must(t, "sys/suspend", params_process(s, process))))
		return false;
	target_undo_add(t, ORDER_RESUME, s, process, NULL);
	return true;
}

/* One that is gone meanwhile needs no resuming: its supervisor began anew. */
static bool resume_one(struct release_target *t, const struct release_step *s,
		       int process)
{
	struct client_error e;
	bool good = target_done(
	    target_ask(t, "sys/resume", params_process(s, process), &e));

	if (good) {
		target_undo_add(t, ORDER_SUSPEND, s, process, NULL);
		pause_add(t, now_us() - t->suspended_us);
	} else if (strcmp(e.reason, "noproc") != 0)
		target_fail(t, TARGET_FAILED, e.reason, e.message);
	client_error_free(&e);
	return t->reason == NULL;
}

static bool change_one(struct release_target *t, const struct release_step *s,
		       int process, const char *module)
{
	if (!has_name(s->modules, module))
		module = s->modules[0];
	if (!target_done(target_must(t, "sys/changeCode",
				     params_change(t, s, process, module,
						   t->apply->down))))
		return false;
	target_undo_add(t, ORDER_CHANGE, s, process, module);
	return true;
}

static void processes_order(struct release_target *t,
			    const struct release_order *o)
{
	cJSON *list = processes_find(t, o->step);
	const cJSON *p;
	bool good = true;

	cJSON_ArrayForEach(p, list)
	{
		int process = json_int(p, "process", 0);

		if (good && o->kind == ORDER_SUSPEND)
			good = suspend_one(t, o->step, process);
		else if (good && o->kind == ORDER_RESUME)
			good = resume_one(t, o->step, process);
		else if (good)
			good = change_one(t, o->step, process,
					  json_str(p, "module"));
	}
	if (o->kind == ORDER_RESUME)
		t->suspended_us = 0;
	cJSON_Delete(list);
}

/* --- loading -------------------------------------------------------------- */

void target_prepare(struct release_target *t, size_t i)
{
	const struct release_order *o = &t->apply->plan.v[i];
	cJSON *params, *result;

	if (o->kind != ORDER_LOAD || !target_ready(t))
		return;
	if (!t->prepared)
		t->prepared = xcalloc(t->apply->plan.n, sizeof(*t->prepared));
	params = params_load(o->step, t->apply->down);
	for (char **m = o->step->modules; *m; m++)
		params_add(params, *m, release_file(t, *m));
	for (char **m = o->step->with; *m; m++)
		params_add(params, *m, release_file(t, *m));
	result = target_must(t, "code/prepareLoading", params);
	if (result)
		t->prepared[i] = (long)json_num(result, "prepared", 0);
	cJSON_Delete(result);
}

void target_cancel(struct release_target *t)
{
	for (size_t i = 0; t->prepared && i < t->apply->plan.n; i++) {
		cJSON *params = cJSON_CreateObject();
		struct client_error e;

		cJSON_AddNumberToObject(params, "prepared",
					(double)t->prepared[i]);
		if (t->prepared[i])
			target_done(
			    target_ask(t, "code/cancelLoading", params, &e));
		else
			cJSON_Delete(params);
		if (t->prepared[i])
			client_error_free(&e);
		t->prepared[i] = 0;
	}
}

/* The part of a load in which calls may wait. */
static void note_pause(struct release_target *t, const cJSON *result)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, json_at(result, "modules"))
	{
		const cJSON *us = json_at(m, "microseconds");

		pause_add(t,
			  json_num(us, "gate", 0) + json_num(us, "publish", 0));
	}
}

static void finish(struct release_target *t, const struct release_order *o,
		   size_t i)
{
	cJSON *params = cJSON_CreateObject(), *result;

	cJSON_AddNumberToObject(params, "prepared", (double)t->prepared[i]);
	t->prepared[i] = 0;
	result = target_must(t, "code/finishLoading", params);
	if (!result)
		return;
	note_pause(t, result);
	cJSON_AddItemToArray(t->answers, result);
	target_undo_add(t, ORDER_LOAD, o->step, 0, NULL);
}

/* --- modules -------------------------------------------------------------- */

static cJSON *names_params(const struct release_step *s)
{
	cJSON *params = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(params, "modules");

	for (char **m = s->modules; *m; m++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*m));
	return params;
}

static void delete_all(struct release_target *t, const struct release_step *s)
{
	for (char **m = s->modules; !t->reason && *m; m++) {
		cJSON *params = cJSON_CreateObject(), *result;

		cJSON_AddStringToObject(params, "module", *m);
		result = target_must(t, "code/delete", params);
		if (result && !json_true(result, "deleted"))
			target_fail(t, TARGET_FAILED, "not_purged",
				    "its old version is still there; purge it "
				    "first");
		else if (result)
			target_undo_add(t, ORDER_DELETE, s, 0, *m);
		cJSON_Delete(result);
	}
}

static void soft_purge(struct release_target *t, const struct release_step *s)
{
	cJSON *result = target_must(t, "code/softPurge", names_params(s));
	const cJSON *holders = json_at(result, "holders");

	if (result && cJSON_GetArraySize(holders) > 0)
		target_fail(t, TARGET_FAILED, "not_purged",
			    json_str(holders->child, "message"));
	cJSON_Delete(result);
}

static void purge(struct release_target *t, const struct release_step *s)
{
	cJSON *params = names_params(s);

	cJSON_AddNumberToObject(params, "deadline_ms", s->timeout_ms);
	target_done(target_must(t, "code/purge", params));
}

void target_order(struct release_target *t, size_t i)
{
	const struct release_order *o = &t->apply->plan.v[i];

	if (!target_ready(t))
		return;
	target_limit(t, o->step);
	switch (o->kind) {
	case ORDER_SUSPEND:
	case ORDER_RESUME:
	case ORDER_CHANGE:
		processes_order(t, o);
		break;
	case ORDER_LOAD:
		finish(t, o, i);
		break;
	case ORDER_DELETE:
		delete_all(t, o->step);
		break;
	case ORDER_SOFT_PURGE:
		soft_purge(t, o->step);
		break;
	case ORDER_PURGE:
		purge(t, o->step);
		break;
	case ORDER_NO_RETURN:
		break;
	}
}
