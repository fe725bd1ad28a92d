/* SPDX-License-Identifier: MIT
 *
 * The methods of the project's socket: from JSON to the engine and back. One
 * function a method; the table at the end is what every client is served with.
 *
 * A call whose client is gone when its answer comes is answered to nobody:
 * hw_request outlives the connection.
 */
#include "watcher/daemon-internal.h"

#include "watcher/jsonget.h"

#include <stdlib.h>

void daemon_refuse(struct hw_request *req, const char *reason,
		   const char *message)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", reason);
	cJSON_AddStringToObject(data, "message", message);
	hw_rpc_fail(req, HW_RPC_REFUSED, message, data);
}

static void on_hello(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);

	(void)params;
	if (e)
		hw_rpc_reply(req, engine_hello(e));
}

static void on_status(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);

	double known = json_num(params, "known", 0);

	if (e)
		hw_rpc_reply(req,
			     engine_status(e, known > 0 ? (uint64_t)known : 0));
}

static void on_modules(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", json_int(params, "target", 0));
	if (e)
		hw_rpc_reply(
		    req,
		    engine_modules(e, cJSON_IsNumber(json_at(params, "target"))
					  ? pid
					  : json_str(params, "target")));
}

static void on_which(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);
	const char *name = json_str(params, "module"), *reason = NULL;
	char *err = NULL;
	cJSON *o;

	if (e && !*name)
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
			    "watch/which needs \"module\", a name", NULL);
	if (!e || !*name)
		return;
	o = engine_which(e, name, &reason, &err);
	if (o)
		hw_rpc_reply(req, o);
	else
		daemon_refuse(req, reason, err);
	free(err);
}

static void on_log(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);
	double after = json_num(params, "after", 0);

	if (e)
		hw_rpc_reply(req,
			     engine_log(e, after > 0 ? (uint64_t)after : 0));
}

static void on_subscribe(struct hw_request *req, const cJSON *params,
			 void *user)
{
	(void)params;
	if (!daemon_engine(req, user))
		return;
	daemon_subscribe(user);
	hw_rpc_reply(req, cJSON_CreateObject());
}

static void synced(int status, void *arg)
{
	struct hw_request *req = arg;

	if (status == 0)
		hw_rpc_reply(req, cJSON_CreateObject());
	else
		daemon_refuse(req, "closed", "the watcher has ended");
}

static void on_sync(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);

	(void)params;
	if (e && req)
		engine_sync(e, synced, req);
}

static void loaded(const struct event *ev, const char *reason,
		   const char *message, void *arg)
{
	cJSON *o;

	if (!ev) {
		daemon_refuse(arg, reason, message);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "ok", event_ok(ev));
	cJSON_AddItemToObject(o, "event", event_json(ev));
	hw_rpc_reply(arg, o);
}

/* The names in LIST, NULL-terminated; NULL if it is no list of texts. */
static char **names_of(const cJSON *list)
{
	struct strv names = {0};
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		if (cJSON_IsString(i))
			strv_add(&names, i->valuestring);
	}
	if (cJSON_IsArray(list) && names.n == (size_t)cJSON_GetArraySize(list))
		return strv_take(&names);
	strv_free(&names);
	return NULL;
}

static unsigned load_flags(const cJSON *params)
{
	return (json_true(params, "force") ? ENGINE_FORCE : 0) |
	       (json_true(params, "purge") ? ENGINE_KILL : 0);
}

static void on_load(struct hw_request *req, const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);
	char **names = names_of(json_at(params, "modules"));

	if (e && req && names)
		engine_load(e, (const char *const *)names, load_flags(params),
			    json_at(params, "extra") ? json_str(params, "extra")
						     : NULL,
			    loaded, req);
	else if (e && !names)
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
			    "watch/load needs \"modules\", a list of names",
			    NULL);
	freev(names);
}

static void ordered(const cJSON *result, const char *reason,
		    const char *message, void *arg)
{
	if (result)
		hw_rpc_reply(arg, cJSON_Duplicate(result, true));
	else
		daemon_refuse(arg, reason, message);
}

static void order(struct hw_request *req, const char *method,
		  const cJSON *params, void *user)
{
	struct engine *e = daemon_engine(req, user);

	if (e && req)
		engine_order(e, method, params, ordered, req);
}

#define ORDER(function, method)                                           \
	static void function(struct hw_request *req, const cJSON *params, \
			     void *user)                                  \
	{                                                                 \
		order(req, method, params, user);                         \
	}
ORDER(on_holders, "watch/holders")
ORDER(on_ps, "watch/ps")
ORDER(on_soft_purge, "watch/softPurge")
ORDER(on_purge, "watch/purge")
ORDER(on_delete, "watch/delete")
ORDER(on_rollback, "watch/rollback")
ORDER(on_suspend, "watch/suspend")
ORDER(on_resume, "watch/resume")
ORDER(on_change_code, "watch/changeCode")
ORDER(on_get_state, "watch/getState")

const struct hw_rpc_method daemon_methods[] = {
    {"watch/hello", on_hello},
    {"watch/status", on_status},
    {"watch/modules", on_modules},
    {"watch/which", on_which},
    {"watch/load", on_load},
    {"watch/sync", on_sync},
    {"watch/log", on_log},
    {"watch/subscribe", on_subscribe},
    {"watch/holders", on_holders},
    {"watch/ps", on_ps},
    {"watch/softPurge", on_soft_purge},
    {"watch/purge", on_purge},
    {"watch/delete", on_delete},
    {"watch/rollback", on_rollback},
    {"watch/suspend", on_suspend},
    {"watch/resume", on_resume},
    {"watch/changeCode", on_change_code},
    {"watch/getState", on_get_state},
    {NULL, NULL},
};
