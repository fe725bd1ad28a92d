/* SPDX-License-Identifier: MIT
 *
 * The watcher's orders and questions about holders (engine-order.c), made to
 * the targets directly when no watcher runs: the same answers, one target after
 * the other.
 */
#include "watcher/survey.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/ask.h"
#include "watcher/client.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"

#define LIMIT_MS 3000

/* The watcher's word for a method, as a target has it. */
static char *target_method(const char *method)
{
	static const char *const sys[] = {"suspend", "resume", "changeCode",
					  "getState"};
	const char *word = path_base(method);

	if (!strcmp(word, "ps"))
		return xstrdup("process/list");
	for (size_t i = 0; i < sizeof(sys) / sizeof(sys[0]); i++)
		if (!strcmp(word, sys[i]))
			return xasprintf("sys/%s", word);
	return xasprintf("code/%s", word);
}

/* What the target calls the module WORD; NULL: it has none of that name, or
 * several. */
static const char *module_in(const cJSON *loaded, const char *word)
{
	const char *best = NULL;
	int found = 0, n = 0;
	const cJSON *m;

	cJSON_ArrayForEach(m, loaded)
	{
		const char *name = json_str(m, "module");
		int is = ask_module_is(name, json_str(m, "source"), word);

		if (is > found)
			n = 0;
		if (!is || is < found)
			continue;
		found = is;
		best = name;
		n++;
	}
	return n == 1 ? best : NULL;
}

/* Those of WORDS that the target has, by their names. */
static cJSON *modules_in(const cJSON *loaded, const cJSON *words)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *w;

	cJSON_ArrayForEach(w, words)
	{
		const char *module = module_in(loaded, w->valuestring);

		if (module)
			cJSON_AddItemToArray(list, cJSON_CreateString(module));
	}
	return list;
}

/* MODULES is consumed. */
static cJSON *params_for(const struct ask_question *q, const char *module,
			 cJSON *modules)
{
	cJSON *o =
	    q->params ? cJSON_Duplicate(q->params, true) : cJSON_CreateObject();

	cJSON_DeleteItemFromObjectCaseSensitive(o, "target");
	if (module)
		cJSON_ReplaceItemInObjectCaseSensitive(o, "module",
						       cJSON_CreateString(
							   module));
	if (modules)
		cJSON_ReplaceItemInObjectCaseSensitive(o, "modules", modules);
	return o;
}

static void add_error(cJSON *t, int r, const struct client_error *e)
{
	cJSON *error;

	if (e->data) {
		error = cJSON_Duplicate(e->data, true);
	} else {
		error = cJSON_CreateObject();
		cJSON_AddStringToObject(error, "reason",
					r == CLIENT_CLOSED &&
						!strcmp(e->reason, "deadline")
					    ? "no_answer"
					    : e->reason);
		cJSON_AddStringToObject(error, "message", e->message);
	}
	cJSON_AddItemToObject(t, "error", error);
}

/* {modules} of holders stands by itself, anything else is the "result". */
static void add_result(cJSON *t, const struct ask_question *q, cJSON *result)
{
	cJSON *modules;

	if (strcmp(q->method, "watch/holders") != 0) {
		cJSON_AddItemToObject(t, "result", result);
		return;
	}
	modules = cJSON_DetachItemFromObjectCaseSensitive(result, "modules");
	cJSON_AddItemToObject(t, "modules",
			      modules ? modules : cJSON_CreateArray());
	cJSON_Delete(result);
}

static cJSON *order_one(const cJSON *hello, const struct ask_question *q,
			const char *module, cJSON *modules)
{
	char *method = target_method(q->method);
	cJSON *t = survey_describe(hello), *result = NULL;
	struct client_error e = {0};
	int r = survey_ask(hello, method, params_for(q, module, modules),
			   LIMIT_MS + q->limit_ms, &result, &e);

	if (module)
		cJSON_AddStringToObject(t, "module", module);
	cJSON_AddBoolToObject(t, "ok", r == 0);
	if (r == 0)
		add_result(t, q, result);
	else
		add_error(t, r, &e);
	client_error_free(&e);
	free(method);
	return t;
}

/* The answer of one target, or NULL: it has nothing of what is asked about. */
static cJSON *order_target(const cJSON *hello, const struct ask_question *q,
			   const cJSON *loaded)
{
	const char *word = json_str(q->params, "module"), *module = NULL;
	const cJSON *words = json_at(q->params, "modules");
	cJSON *modules = words ? modules_in(loaded, words) : NULL;

	if (*word)
		module = module_in(loaded, word);
	if ((!*word || module) && (!words || cJSON_GetArraySize(modules)))
		return order_one(hello, q, module, modules);
	cJSON_Delete(modules);
	return NULL;
}

cJSON *survey_order(const cJSON *found, const char *root,
		    const struct ask_question *q)
{
	cJSON *all = cJSON_CreateObject(), *targets;
	struct symbolizer *s = symbolizer_new();
	const cJSON *hello;

	(void)root;
	targets = cJSON_AddArrayToObject(all, "targets");
	cJSON_ArrayForEach(hello, found)
	{
		cJSON *loaded = survey_loaded(hello);
		cJSON *t = order_target(hello, q, loaded);

		if (t) {
			held_name(s, t, loaded);
			cJSON_AddItemToArray(targets, t);
		}
		cJSON_Delete(loaded);
	}
	symbolizer_free(s);
	return all;
}
