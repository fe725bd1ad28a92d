/* SPDX-License-Identifier: MIT
 *
 * One target of a release: asked, ordered, taken back.
 *
 * Every order that was carried out leaves a note of what takes it back, so a
 * failure half way through one is no special case: the notes are followed from
 * the last to the first. The opposite of "code_change, then load" is "load,
 * then code_change", which is what the way in the other direction wants anyway.
 * A target that cannot be taken back is left where it is, its processes
 * suspended: they would go on with a state that is not their code's.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watcher/jsonget.h"
#include "watcher/release-internal.h"

#define ANSWER_MS 20000 /* a gate, a code_change and a purge have less */

/* --- asking --------------------------------------------------------------- */

void target_fail(struct release_target *t, enum target_state state,
		 const char *reason, const char *message)
{
	if (t->reason)
		return;
	t->state = state;
	t->reason = xstrdup(reason);
	t->message = xstrdup(message);
}

static void lost(struct release_target *t, const struct client_error *e)
{
	if (!strcmp(e->reason, "deadline"))
		target_fail(t, TARGET_LOST, "no_answer", e->message);
	else
		target_fail(t, TARGET_LOST, "lost", "it has ended");
}

/* The result, or NULL: it refused, and *E says why (freed by the caller), or is
 * lost. */
static cJSON *ask(struct release_target *t, const char *method, cJSON *params,
		  struct client_error *e)
{
	cJSON *result = NULL;
	int r;

	*e = (struct client_error){0};
	if (!t->client) {
		cJSON_Delete(params);
		e->reason = xstrdup("lost");
		e->message = xstrdup("it has ended");
		return NULL;
	}
	r = client_call(t->client, method, params, &result, e);
	if (r == CLIENT_CLOSED) {
		lost(t, e);
		client_close(t->client);
		t->client = NULL;
	}
	return r == 0 ? result : NULL;
}

/* The same; a refusal is T's failure. */
static cJSON *must(struct release_target *t, const char *method, cJSON *params)
{
	struct client_error e;
	cJSON *result = ask(t, method, params, &e);

	if (!result)
		target_fail(t, TARGET_FAILED, e.reason ? e.reason : "failed",
			    e.message ? e.message : "");
	client_error_free(&e);
	return result;
}

static bool done(cJSON *result)
{
	cJSON_Delete(result);
	return result != NULL;
}

static cJSON *modules_ask(struct release_target *t)
{
	cJSON *all = must(t, "code/allLoaded", NULL);
	cJSON *modules =
	    cJSON_DetachItemFromObjectCaseSensitive(all, "modules");

	cJSON_Delete(all);
	return modules;
}

void target_open(struct release_target *t, const cJSON *hello)
{
	char *err = NULL;

	t->pid = json_int(hello, "pid", 0);
	t->name = xstrdup(json_str(hello, "name"));
	t->manifest = xstrdup(json_str(hello, "manifest"));
	t->answers = cJSON_CreateArray();
	if (client_open(&t->client, json_str(hello, "socket"), ANSWER_MS, NULL,
			NULL, &err) < 0)
		target_fail(t, TARGET_LOST, "lost", "it has ended");
	else
		t->loaded = modules_ask(t);
	if (!json_true(hello, "reloadable"))
		target_fail(t, TARGET_REFUSED, "unsafe",
			    json_str(hello, "reason"));
	free(err);
}

void target_free(struct release_target *t)
{
	for (size_t i = 0; i < t->nundo; i++)
		free(t->undo[i].module);
	free(t->undo);
	free(t->prepared);
	client_close(t->client);
	cJSON_Delete(t->loaded);
	cJSON_Delete(t->now);
	cJSON_Delete(t->held);
	cJSON_Delete(t->answers);
	free(t->name);
	free(t->manifest);
	free(t->reason);
	free(t->message);
	free(t->stuck);
}

/* --- what it runs --------------------------------------------------------- */

const cJSON *target_module(const cJSON *loaded, const char *module)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, loaded)
	{
		if (!strcmp(json_str(m, "module"), module))
			return m;
	}
	return NULL;
}

const char *target_hash(const cJSON *loaded, const char *module)
{
	const cJSON *m = target_module(loaded, module);

	return m && !json_true(m, "deleted") ? json_str(m, "hash") : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void judge_module(struct release_target *t,
			 const struct release_module *m, size_t *from,
			 size_t *to, struct text *other)
{
	const struct release_apply *a = t->apply;
	const char *hash = target_hash(t->loaded, m->name);

	if (same(hash, release_had(m, a->down)))
		++*from;
	else if (same(hash, release_wanted(m, a->down)))
		++*to;
	else if (hash)
		text_printf(other, "%s%s is %.12s", other->len ? ", " : "",
			    m->name, hash);
	else
		text_printf(other, "%s%s is not there", other->len ? ", " : "",
			    m->name);
}

void target_judge(struct release_target *t)
{
	const struct release *r = t->apply->release;
	const char *from = t->apply->down ? r->to : r->from;
	size_t nfrom = 0, nto = 0;
	struct text other = {0};

	for (size_t i = 0; !t->reason && i < r->nmodules; i++)
		judge_module(t, &r->modules[i], &nfrom, &nto, &other);
	if (t->reason || nfrom == r->nmodules) {
		text_free(&other);
		return;
	}
	t->state = TARGET_AT_TO;
	if (nto < r->nmodules) {
		char *why = xasprintf(
		    "it does not run what the release begins with%s%s: %s",
		    *from ? ", " : "", from,
		    other.len ? other.s
			      : "some of its modules were upgraded already");

		target_fail(t, TARGET_REFUSED, "not_at_from", why);
		free(why);
	}
	text_free(&other);
}

bool target_ready(const struct release_target *t)
{
	return t->state == TARGET_AT_FROM;
}

const char *target_has(const struct release_target *t, const char *module,
		       const char *hash)
{
	const cJSON *m = target_module(t->loaded, module), *v;

	cJSON_ArrayForEach(v, json_at(m, "versions"))
	{
		if (!strcmp(json_str(v, "hash"), hash) &&
		    file_exists(json_str(v, "file")))
			return json_str(v, "file");
	}
	return NULL;
}

void target_look(struct release_target *t)
{
	struct client_error e;
	cJSON *all = ask(t, "code/allLoaded", NULL, &e), *list;
	const cJSON *p;

	client_error_free(&e);
	if (!all)
		return;
	t->now = cJSON_DetachItemFromObjectCaseSensitive(all, "modules");
	cJSON_Delete(all);
	all = ask(t, "process/list", NULL, &e);
	client_error_free(&e);
	list = cJSON_CreateArray();
	cJSON_ArrayForEach(p, json_at(all, "processes"))
	{
		if (!strcmp(json_str(p, "state"), "suspended"))
			cJSON_AddItemToArray(list, cJSON_Duplicate(p, true));
	}
	cJSON_Delete(all);
	t->held = list;
}

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
	cJSON *all = must(t, "process/list", NULL), *list;
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

static void undo_add(struct release_target *t, enum release_kind kind,
		     const struct release_step *s, int process,
		     const char *module)
{
	t->undo = xrealloc(t->undo, (t->nundo + 1) * sizeof(*t->undo));
	t->undo[t->nundo++] = (struct target_undo){
	    .kind = kind,
	    .step = s,
	    .process = process,
	    .module = module ? xstrdup(module) : NULL,
	};
}

static cJSON *process_params(const struct release_step *s, int process)
{
	cJSON *params = cJSON_CreateObject();

	cJSON_AddNumberToObject(params, "process", process);
	cJSON_AddNumberToObject(params, "timeout_ms", s->timeout_ms);
	return params;
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
	if (!done(must(t, "sys/suspend", process_params(s, process))))
		return false;
	undo_add(t, ORDER_RESUME, s, process, NULL);
	return true;
}

/* One that is gone meanwhile needs no resuming: its supervisor began anew. */
static bool resume_one(struct release_target *t, const struct release_step *s,
		       int process)
{
	struct client_error e;
	bool good = done(ask(t, "sys/resume", process_params(s, process), &e));

	if (good) {
		undo_add(t, ORDER_SUSPEND, s, process, NULL);
		pause_add(t, now_us() - t->suspended_us);
	} else if (strcmp(e.reason, "noproc") != 0)
		target_fail(t, TARGET_FAILED, e.reason, e.message);
	client_error_free(&e);
	return t->reason == NULL;
}

static cJSON *change_params(const struct release_target *t,
			    const struct release_step *s, int process,
			    const char *module, bool down)
{
	const struct release *r = t->apply->release;
	const char *vsn = down ? r->to : r->from;
	cJSON *params = process_params(s, process);

	cJSON_AddStringToObject(params, "module", module);
	if (*vsn)
		cJSON_AddStringToObject(params, "vsn", vsn);
	if (s->extra)
		cJSON_AddStringToObject(params, "extra", s->extra);
	cJSON_AddBoolToObject(params, "down", down);
	return params;
}

static bool change_one(struct release_target *t, const struct release_step *s,
		       int process, const char *module)
{
	if (!has_name(s->modules, module))
		module = s->modules[0];
	if (!done(must(t, "sys/changeCode",
		       change_params(t, s, process, module, t->apply->down))))
		return false;
	undo_add(t, ORDER_CHANGE, s, process, module);
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

static cJSON *load_params(const struct release_step *s, bool down)
{
	static const char *const on_held[] = {
	    [RELEASE_LINGER] = "linger",
	    [RELEASE_PURGE_SOFT] = "refuse",
	    [RELEASE_PURGE_BRUTAL] = "kill",
	};
	cJSON *params = cJSON_CreateObject();

	cJSON_AddStringToObject(params, "on_held", on_held[s->pre]);
	cJSON_AddBoolToObject(params, "down", down);
	if (s->extra)
		cJSON_AddStringToObject(params, "extra", s->extra);
	cJSON_AddArrayToObject(params, "modules");
	return params;
}

static void params_add(cJSON *params, const char *module, const char *file)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", module);
	cJSON_AddStringToObject(o, "file", file);
	cJSON_AddItemToArray(list, o);
}

void target_prepare(struct release_target *t, size_t i)
{
	const struct release_order *o = &t->apply->plan.v[i];
	cJSON *params, *result;

	if (o->kind != ORDER_LOAD || !target_ready(t))
		return;
	if (!t->prepared)
		t->prepared = xcalloc(t->apply->plan.n, sizeof(*t->prepared));
	params = load_params(o->step, t->apply->down);
	for (char **m = o->step->modules; *m; m++)
		params_add(params, *m, release_file(t, *m));
	for (char **m = o->step->with; *m; m++)
		params_add(params, *m, release_file(t, *m));
	result = must(t, "code/prepareLoading", params);
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
			done(ask(t, "code/cancelLoading", params, &e));
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
	result = must(t, "code/finishLoading", params);
	if (!result)
		return;
	note_pause(t, result);
	cJSON_AddItemToArray(t->answers, result);
	undo_add(t, ORDER_LOAD, o->step, 0, NULL);
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
		result = must(t, "code/delete", params);
		if (result && !json_true(result, "deleted"))
			target_fail(t, TARGET_FAILED, "not_purged",
				    "its old version is still there; purge it "
				    "first");
		else if (result)
			undo_add(t, ORDER_DELETE, s, 0, *m);
		cJSON_Delete(result);
	}
}

static void soft_purge(struct release_target *t, const struct release_step *s)
{
	cJSON *result = must(t, "code/softPurge", names_params(s));
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
	done(must(t, "code/purge", params));
}

void target_order(struct release_target *t, size_t i)
{
	const struct release_order *o = &t->apply->plan.v[i];

	if (!target_ready(t))
		return;
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

/* --- back ----------------------------------------------------------------- */

/* What was current before. The code_change of what is left has the say again,
 * in the other direction. */
static cJSON *reload_params(const struct release_target *t,
			    const struct target_undo *u)
{
	cJSON *params = load_params(u->step, !t->apply->down);
	char *only[] = {u->module, NULL};

	cJSON_ReplaceItemInObjectCaseSensitive(params, "on_held",
					       cJSON_CreateString("linger"));
	for (char **m = u->module ? only : u->step->modules; *m; m++)
		params_add(params, *m,
			   json_str(target_module(t->loaded, *m), "file"));
	for (char **m = u->step->with; !u->module && *m; m++)
		params_add(params, *m,
			   json_str(target_module(t->loaded, *m), "file"));
	return params;
}

/* One alone may have an on_load, or not have been there. */
static cJSON *reload(struct release_target *t, const struct target_undo *u,
		     struct client_error *e)
{
	cJSON *params = reload_params(t, u), *list, *one;
	bool there;

	list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	if (cJSON_GetArraySize(list) > 1)
		return ask(t, "code/atomicLoad", params, e);
	cJSON_DetachItemViaPointer(params, list);
	one = list->child;
	cJSON_AddStringToObject(params, "module", json_str(one, "module"));
	cJSON_AddStringToObject(params, "file", json_str(one, "file"));
	there = target_hash(t->loaded, json_str(one, "module")) != NULL;
	cJSON_Delete(list);
	return ask(t, there ? "code/load" : "code/delete", params, e);
}

static cJSON *undo_one(struct release_target *t, const struct target_undo *u,
		       struct client_error *e)
{
	switch (u->kind) {
	case ORDER_RESUME:
		return ask(t, "sys/resume", process_params(u->step, u->process),
			   e);
	case ORDER_SUSPEND:
		return ask(t, "sys/suspend",
			   process_params(u->step, u->process), e);
	case ORDER_CHANGE:
		return ask(t, "sys/changeCode",
			   change_params(t, u->step, u->process, u->module,
					 !t->apply->down),
			   e);
	default:
		return reload(t, u, e);
	}
}

void target_undo(struct release_target *t)
{
	struct client_error e;

	target_cancel(t);
	while (t->client && !t->stuck && t->nundo) {
		struct target_undo *u = &t->undo[t->nundo - 1];
		bool good = done(undo_one(t, u, &e));

		/* whoever ended meanwhile has no state to be taken back */
		if (!good && e.reason && strcmp(e.reason, "noproc") != 0)
			t->stuck = xasprintf("%s: %s", e.reason, e.message);
		client_error_free(&e);
		free(u->module);
		t->nundo--;
	}
	t->undone = t->client && !t->stuck;
}
