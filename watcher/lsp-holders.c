/* SPDX-License-Identifier: MIT
 *
 * Who holds old code, as editors are told: the watcher's watch/holders, which
 * is asked only when an old version is known to be held, made one flat list
 * with the words that people read (held.h). Many at one line are told once
 * (lsp_alike): a hundred workers wait in the same loop.
 */
#include "watcher/held.h"
#include "watcher/lsp-internal.h"

#include <string.h>

static void add_words(cJSON *o, const cJSON *holder, int pid)
{
	struct text who = {0}, where = {0};

	held_who(&who, holder, pid);
	held_where(&where, holder);
	cJSON_AddStringToObject(o, "who", who.len ? who.s : "variable");
	cJSON_AddStringToObject(o, "where", where.len ? where.s : "");
	text_free(&who);
	text_free(&where);
}

static void add_holder(const struct lsp *s, cJSON *list, int pid,
		       const cJSON *version, const cJSON *holder)
{
	static const char *const members[] = {
	    "id",           "kind",      "module", "version",
	    "since",        "tid",       "thread", "process",
	    "process_name", "function",  "file",   "line",
	    "variable",     "points_to", "hint",   "message"};
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "pid", pid);
	cJSON_AddStringToObject(o, "target",
				json_str(lsp_target(s, pid), "name"));
	cJSON_AddStringToObject(o, "state", json_str(version, "state"));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const cJSON *item = json_at(holder, members[i]);

		if (item)
			cJSON_AddItemToObject(o, members[i],
					      cJSON_Duplicate(item, true));
	}
	add_words(o, holder, pid);
	cJSON_AddItemToArray(list, o);
}

/* The answer may be older than the news that a target has ended. */
static cJSON *flatten(const struct lsp *s, const cJSON *answer)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *t, *v, *h;

	cJSON_ArrayForEach(t, json_at(answer, "targets"))
	{
		if (!lsp_target(s, json_int(t, "pid", 0)))
			continue;
		cJSON_ArrayForEach(v, json_at(t, "modules"))
		{
			cJSON_ArrayForEach(h, json_at(v, "holders"))
			{
				add_holder(s, list, json_int(t, "pid", 0), v,
					   h);
			}
		}
	}
	return list;
}

static bool is_alike(const cJSON *a, const cJSON *b)
{
	static const char *const members[] = {"file", "who", "module"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (strcmp(json_str(a, members[i]), json_str(b, members[i])) !=
		    0)
			return false;
	return json_int(a, "line", 0) == json_int(b, "line", 0) &&
	       json_int(a, "version", 0) == json_int(b, "version", 0);
}

int lsp_alike(const struct lsp *s, const cJSON *h)
{
	const cJSON *o;
	int n = 0;

	cJSON_ArrayForEach(o, s->holding)
	{
		if (!is_alike(o, h))
			continue;
		if (n++ == 0 && o != h)
			return 0;
	}
	return n;
}

static void take_holding(struct lsp *s, cJSON *list)
{
	if (list == s->holding || cJSON_Compare(list, s->holding, true)) {
		cJSON_Delete(list);
		return;
	}
	cJSON_Delete(s->holding);
	s->holding = list;
	s->holding_serial++;
	s->lenses_stale = true;
}

static void on_holders(const cJSON *result, const cJSON *error, void *arg)
{
	struct lsp *s = arg;

	if (error || s->phase != LSP_SERVING)
		return;
	take_holding(s, flatten(s, result));
	lsp_state_tell(s);
}

/* Looking for holders costs a target a look at all its threads: only when an
 * old version is known to be held is it asked. */
void lsp_holders_ask(struct lsp *s)
{
	const cJSON *t;
	bool held = false;

	if (!s->holders_stale)
		return;
	s->holders_stale = false;
	cJSON_ArrayForEach(t, json_at(s->watch, "targets"))
	{
		held |= cJSON_GetArraySize(json_at(t, "held")) > 0;
	}
	if (held &&
	    lsp_link_ask(s->link, "watch/holders", NULL, on_holders, s) == 0)
		return;
	take_holding(s, NULL);
}
