/* SPDX-License-Identifier: MIT
 *
 * See survey.h. A socket file proves nothing: its process may be gone, or be
 * stopped, or have executed another program. Whoever answers is there. Files
 * of the dead are left alone here; the watcher removes them.
 */
#include "watcher/survey.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/client.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/util.h"

#define ANSWER_MS 1000 /* a target's thread answers in microseconds */

/* One question to the target at SOCKET: its answer, or NULL. */
static cJSON *ask(const char *socket, const char *method, bool *silent)
{
	struct client_error e = {0};
	struct client *c = NULL;
	cJSON *result = NULL;

	if (client_open(&c, socket, ANSWER_MS, NULL, NULL, NULL) < 0)
		return NULL;
	if (client_call(c, method, NULL, &result, &e) < 0 && silent)
		*silent = true;
	client_error_free(&e);
	client_close(c);
	return result;
}

bool survey_is(const cJSON *target, const char *wanted)
{
	const char *name = json_str(target, "name");
	char *end;
	long pid;

	if (!wanted)
		return true;
	pid = strtol(wanted, &end, 10);
	if (*wanted && *end == '\0')
		return json_int(target, "pid", -1) == pid;
	return !strcmp(name, wanted) ||
	       !strcmp(path_base(json_str(target, "program")), wanted);
}

static bool belongs(const cJSON *hello, const char *root, const char *wanted)
{
	if (root && strcmp(json_str(hello, "root"), root) != 0)
		return false;
	return survey_is(hello, wanted);
}

static void add_target(cJSON *found, const char *socket, const char *root,
		       const char *wanted, int *silent)
{
	bool mute = false;
	cJSON *hello = ask(socket, "code/hello", &mute);

	if (silent)
		*silent += mute;
	if (!hello)
		return;
	cJSON_AddStringToObject(hello, "name",
				path_base(json_str(hello, "program")));
	cJSON_AddStringToObject(hello, "socket", socket);
	if (belongs(hello, root, wanted))
		cJSON_AddItemToArray(found, hello);
	else
		cJSON_Delete(hello);
}

/* By pid, so that two runs print the same order. */
static int by_pid(const struct dirent **a, const struct dirent **b)
{
	long x = strtol((*a)->d_name, NULL, 10);
	long y = strtol((*b)->d_name, NULL, 10);

	return (x > y) - (x < y);
}

static int is_socket_name(const struct dirent *d)
{
	return d->d_name[0] != '.' && ends_with(d->d_name, ".sock");
}

cJSON *survey_targets(const char *root, const char *wanted, int *silent)
{
	cJSON *found = cJSON_CreateArray();
	struct dirent **names = NULL;
	char *runtime, *dir;
	int n;

	if (silent)
		*silent = 0;
	if (runtime_dir(&runtime, NULL) < 0)
		return found;
	dir = path_join(runtime, "targets");
	n = scandir(dir, &names, is_socket_name, by_pid);
	for (int i = 0; i < n; i++) {
		char *socket = path_join(dir, names[i]->d_name);

		add_target(found, socket, root, wanted, silent);
		free(socket);
		free(names[i]);
	}
	free(names);
	free(dir);
	free(runtime);
	return found;
}

int survey_ask(const cJSON *hello, const char *method, cJSON *params,
	       int limit_ms, cJSON **result, struct client_error *e)
{
	struct client *c = NULL;
	int r;

	r = client_open(&c, json_str(hello, "socket"), limit_ms, NULL, NULL,
			NULL);
	if (r < 0) {
		cJSON_Delete(params);
		e->reason = xstrdup("lost");
		e->message = xstrdup("it ended");
		return r;
	}
	r = client_call(c, method, params, result, e);
	client_close(c);
	return r;
}

cJSON *survey_loaded(const cJSON *hello)
{
	cJSON *all = ask(json_str(hello, "socket"), "code/allLoaded", NULL);
	cJSON *modules =
	    cJSON_DetachItemFromObjectCaseSensitive(all, "modules");

	cJSON_Delete(all);
	return modules ? modules : cJSON_CreateArray();
}

cJSON *survey_describe(const cJSON *hello)
{
	cJSON *t = cJSON_CreateObject();

	cJSON_AddNumberToObject(t, "pid", json_int(hello, "pid", 0));
	cJSON_AddStringToObject(t, "program", json_str(hello, "program"));
	cJSON_AddStringToObject(t, "name", json_str(hello, "name"));
	return t;
}

static void add_root(cJSON *result, const char *root)
{
	if (root)
		cJSON_AddStringToObject(result, "root", root);
	else
		cJSON_AddNullToObject(result, "root");
}

cJSON *survey_status(const cJSON *found, const char *root,
		     const struct ask_question *q)
{
	cJSON *status = cJSON_CreateObject(), *targets;
	const cJSON *hello;

	(void)q;
	add_root(status, root);
	targets = cJSON_AddArrayToObject(status, "targets");
	cJSON_ArrayForEach(hello, found)
	{
		cJSON *t = survey_describe(hello);
		cJSON *modules = survey_loaded(hello);

		cJSON_AddStringToObject(t, "state", "unwatched");
		cJSON_AddStringToObject(t, "reason", json_str(hello, "reason"));
		cJSON_AddNumberToObject(t, "modules",
					cJSON_GetArraySize(modules));
		cJSON_AddNumberToObject(t, "old", held_old(modules));
		cJSON_AddItemToArray(targets, t);
		cJSON_Delete(modules);
	}
	cJSON_AddArrayToObject(status, "errors");
	cJSON_AddArrayToObject(status, "building");
	return status;
}

cJSON *survey_modules(const cJSON *found, const char *root,
		      const struct ask_question *q)
{
	cJSON *result = cJSON_CreateObject();
	cJSON *targets;
	const cJSON *hello;

	(void)q;
	add_root(result, root);
	targets = cJSON_AddArrayToObject(result, "targets");
	cJSON_ArrayForEach(hello, found)
	{
		cJSON *t = survey_describe(hello);

		cJSON_AddItemToObject(t, "modules", survey_loaded(hello));
		cJSON_AddItemToArray(targets, t);
	}
	return result;
}
