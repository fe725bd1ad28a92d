/* SPDX-License-Identifier: MIT
 *
 * workspace/executeCommand: each of the watcher's methods under a name of its
 * own. Arguments are the module (a name, a path or a URI; of load several), or
 * one object that is handed to the watcher as it is. The result is the
 * watcher's, with "ok" and "message", a line or more for a person.
 */
#include "watcher/held.h"
#include "watcher/lsp-internal.h"
#include "watcher/report.h"

#include <stdlib.h>
#include <string.h>

enum takes {
	NOTHING,
	PROCESS, /* params.process, and the module if there is a second */
	MODULE,  /* params.module, if there is an argument */
	MODULES  /* params.modules */
};

/* PUT: what the answer comes to; false: it failed. READS: it changes nothing,
 * so nothing is to be told anew. */
struct command_row {
	const char *name, *method;
	enum takes takes;
	bool (*put)(struct text *t, const cJSON *result);
	bool reads;
};

/* --- words --------------------------------------------------------------- */

static bool put_load(struct text *t, const cJSON *result)
{
	static const struct ui plain = {0};

	report_event(t, &plain, json_at(result, "event"), false);
	return json_true(result, "ok");
}

static void put_fates(struct text *t, const cJSON *target)
{
	const cJSON *fates = json_at(json_at(target, "result"), "versions"), *f;

	if (cJSON_GetArraySize(fates) == 0)
		text_printf(t, "%s has no old version in pid %d\n",
			    json_str(target, "module"),
			    json_int(target, "pid", 0));
	cJSON_ArrayForEach(f, fates)
	{
		text_printf(t, "%s v%d ", json_str(target, "module"),
			    json_int(f, "version", 0));
		held_fate(t, f, json_int(target, "pid", 0));
		text_puts(t, "\n");
	}
}

static bool put_error(struct text *t, const cJSON *target)
{
	const cJSON *error = json_at(target, "error");
	const cJSON *holders = json_at(error, "holders");

	if (!error)
		return false;
	text_printf(t, "%s: %s", json_str(error, "reason"),
		    json_str(error, "message"));
	if (cJSON_GetArraySize(holders) > 0) {
		text_puts(t, " (");
		held_phrases(t, holders, json_int(target, "pid", 0));
		text_puts(t, ")");
	}
	text_printf(t, ", in pid %d\n", json_int(target, "pid", 0));
	return true;
}

/* Of softPurge and purge. */
static bool put_purge(struct text *t, const cJSON *result)
{
	const cJSON *target, *r, *holders;
	bool ok = true;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		r = json_at(target, "result");
		holders = json_at(r, "holders");
		if (put_error(t, target)) {
			ok = false;
		} else if (cJSON_GetArraySize(holders) > 0) {
			ok = false;
			text_printf(t, "not_purged: %s is still held: ",
				    json_str(target, "module"));
			held_phrases(t, holders, json_int(target, "pid", 0));
			text_puts(t, "\n");
		} else {
			put_fates(t, target);
		}
	}
	return ok;
}

static bool put_rollback(struct text *t, const cJSON *result)
{
	const cJSON *target;
	bool ok = true;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		if (put_error(t, target))
			ok = false;
		else
			text_printf(t, "%s v%d live in pid %d\n",
				    json_str(target, "module"),
				    json_int(json_at(target, "result"),
					     "version", 0),
				    json_int(target, "pid", 0));
	}
	return ok;
}

static bool put_delete(struct text *t, const cJSON *result)
{
	const cJSON *target;
	bool ok = true, deleted;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		deleted = json_true(json_at(target, "result"), "deleted");
		ok &= deleted;
		if (!put_error(t, target))
			text_printf(t, "%s %s in pid %d\n",
				    json_str(target, "module"),
				    deleted ? "deleted"
					    : "not deleted: it has old code",
				    json_int(target, "pid", 0));
	}
	return ok;
}

static void put_version_holders(struct text *t, const cJSON *version, int pid)
{
	const cJSON *h;

	cJSON_ArrayForEach(h, json_at(version, "holders"))
	{
		text_printf(t, "%s v%d: ", json_str(version, "module"),
			    json_int(version, "version", 0));
		held_phrase(t, h, pid);
		text_puts(t, "\n");
	}
}

static bool put_holders(struct text *t, const cJSON *result)
{
	const cJSON *target, *v;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		cJSON_ArrayForEach(v, json_at(target, "modules"))
		{
			put_version_holders(t, v, json_int(target, "pid", 0));
		}
	}
	if (!t->len)
		text_puts(t, "nothing holds old code\n");
	return true;
}

static bool put_status(struct text *t, const cJSON *result)
{
	const cJSON *target;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		text_printf(t, "%s, pid %d: %s\n", json_str(target, "name"),
			    json_int(target, "pid", 0),
			    json_str(target, "state"));
	}
	if (!t->len)
		text_puts(t, "no program of this project runs\n");
	return true;
}

/* Of suspend, resume, changeCode and getState: who, and what was DONE to it, or
 * its state. */
static bool put_process(struct text *t, const cJSON *result, const char *done)
{
	const cJSON *target, *r;
	bool ok = true;

	cJSON_ArrayForEach(target, json_at(result, "targets"))
	{
		r = json_at(target, "result");
		if (put_error(t, target)) {
			ok = false;
			continue;
		}
		text_printf(t, "process %d", json_int(r, "process", 0));
		if (*json_str(r, "name"))
			text_printf(t, " (%s)", json_str(r, "name"));
		text_printf(t, " in pid %d: %s\n", json_int(target, "pid", 0),
			    done ? done : json_str(r, "state"));
	}
	return ok;
}

static bool put_suspended(struct text *t, const cJSON *result)
{
	return put_process(t, result, "suspended");
}

static bool put_resumed(struct text *t, const cJSON *result)
{
	return put_process(t, result, "resumed");
}

static bool put_converted(struct text *t, const cJSON *result)
{
	return put_process(t, result, "its state is as the new code wants it");
}

static bool put_state(struct text *t, const cJSON *result)
{
	return put_process(t, result, NULL);
}

static bool put_nothing(struct text *t, const cJSON *result)
{
	(void)t;
	(void)result;
	return true;
}

static const struct command_row rows[] = {
    {"hotwatch.load", "watch/load", MODULES, put_load, false},
    {"hotwatch.softPurge", "watch/softPurge", MODULE, put_purge, false},
    {"hotwatch.purge", "watch/purge", MODULE, put_purge, false},
    {"hotwatch.delete", "watch/delete", MODULE, put_delete, false},
    {"hotwatch.rollback", "watch/rollback", MODULE, put_rollback, false},
    {"hotwatch.suspend", "watch/suspend", PROCESS, put_suspended, false},
    {"hotwatch.resume", "watch/resume", PROCESS, put_resumed, false},
    {"hotwatch.changeCode", "watch/changeCode", PROCESS, put_converted, false},
    {"hotwatch.getState", "watch/getState", PROCESS, put_state, true},
    {"hotwatch.holders", "watch/holders", MODULE, put_holders, true},
    {"hotwatch.status", "watch/status", NOTHING, put_status, true},
    {"hotwatch.modules", "watch/modules", NOTHING, put_nothing, true},
    {"hotwatch.which", "watch/which", MODULE, put_nothing, true},
    {"hotwatch.ps", "watch/ps", NOTHING, put_nothing, true},
    {"hotwatch.log", "watch/log", NOTHING, put_nothing, true},
    {"hotwatch.sync", "watch/sync", NOTHING, put_nothing, true},
};

cJSON *lsp_commands(void)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(rows[i].name));
	return list;
}

/* --- asking -------------------------------------------------------------- */

struct order {
	struct lsp *s;
	struct hw_request *req;
	const struct command_row *row;
};

static void fail_order(struct hw_request *req, int code, const char *reason,
		       const char *message)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", reason);
	cJSON_AddStringToObject(data, "message", message);
	hw_rpc_fail(req, code, message, data);
}

static void refuse_order(struct order *o, const cJSON *error)
{
	const cJSON *data = json_at(error, "data");
	const char *message = json_str(data, "message");
	const char *reason = json_str(data, "reason");

	if (!*message)
		message = json_str(error, "message");
	if (json_int(error, "code", 0) == HW_RPC_CLOSED)
		reason = "no_watcher";
	fail_order(o->req, HW_RPC_REFUSED, *reason ? reason : "failed",
		   message);
}

static void on_answer(const cJSON *result, const cJSON *error, void *arg)
{
	struct order *o = arg;
	struct text t = {0};
	cJSON *answer;
	bool ok;

	if (error) {
		refuse_order(o, error);
		free(o);
		return;
	}
	ok = o->row->put(&t, result);
	while (t.len && t.s[t.len - 1] == '\n')
		t.s[--t.len] = '\0';
	if (t.len && !o->s->caps.status)
		lsp_show_message(o->s, ok ? 3 : 1, t.s);
	answer = cJSON_Duplicate(result, true);
	cJSON_DeleteItemFromObjectCaseSensitive(answer, "ok");
	cJSON_AddBoolToObject(answer, "ok", ok);
	cJSON_AddStringToObject(answer, "message", t.len ? t.s : "");
	hw_rpc_reply(o->req, answer);
	if (!o->row->reads) {
		o->s->holders_stale = true;
		o->s->lenses_stale = true;
		lsp_state_refresh(o->s);
	}
	text_free(&t);
	free(o);
}

/* A module as an editor names it: what is a URI becomes a path. */
static cJSON *module_name(const cJSON *argument)
{
	char *path = lsp_path(argument->valuestring), *real;
	cJSON *name;

	if (!path)
		return cJSON_CreateString(argument->valuestring);
	real = path_real(path);
	name = cJSON_CreateString(real);
	free(real);
	free(path);
	return name;
}

static cJSON *make_params(const struct command_row *row, const cJSON *arguments)
{
	const cJSON *first = arguments ? arguments->child : NULL, *a;
	cJSON *params, *list;

	if (cJSON_IsObject(first))
		return cJSON_Duplicate(first, true);
	if (row->takes == NOTHING)
		return NULL;
	params = cJSON_CreateObject();
	if (row->takes == PROCESS) {
		if (first)
			cJSON_AddItemToObject(params, "process",
					      cJSON_Duplicate(first, true));
		if (first && cJSON_IsString(first->next))
			cJSON_AddItemToObject(params, "module",
					      module_name(first->next));
		return params;
	}
	if (row->takes == MODULE) {
		if (cJSON_IsString(first))
			cJSON_AddItemToObject(params, "module",
					      module_name(first));
		return params;
	}
	list = cJSON_AddArrayToObject(params, "modules");
	cJSON_ArrayForEach(a, arguments)
	{
		if (cJSON_IsString(a))
			cJSON_AddItemToArray(list, module_name(a));
	}
	return params;
}

static const struct command_row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

void lsp_on_command(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);
	const struct command_row *row = find_row(json_str(params, "command"));
	struct order *o;

	if (!lsp_serving(s, req))
		return;
	if (!row) {
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
			    "there is no such command", NULL);
		return;
	}
	o = xcalloc(1, sizeof(*o));
	*o = (struct order){s, req, row};
	if (lsp_link_ask(s->link, row->method,
			 make_params(row, json_at(params, "arguments")),
			 on_answer, o) == 0)
		return;
	free(o);
	fail_order(req, HW_RPC_REFUSED, s->root ? "no_watcher" : "no_project",
		   s->why ? s->why : "the watcher does not answer yet");
}
