/* SPDX-License-Identifier: MIT
 *
 * hotwatch ps: the processes (hw_spawn) of each target.
 */
#include <cjson/cJSON.h>

#include "watcher/ask.h"
#include "watcher/jsonget.h"
#include "watcher/survey.h"
#include "watcher/table.h"

/* A number, or how many are in a list. */
static int count(const cJSON *o, const char *name)
{
	const cJSON *item = json_at(o, name);

	return cJSON_IsArray(item) ? cJSON_GetArraySize(item)
				   : json_int(o, name, 0);
}

static void put_holds(struct table *t, const cJSON *holds)
{
	struct text s = {0};
	const cJSON *h;

	cJSON_ArrayForEach(h, holds)
	{
		text_printf(&s, "%s%s", s.len ? ", " : "",
			    cJSON_GetStringValue(h));
	}
	table_cell(t, UI_WARN, "%s", s.len ? s.s : "");
	text_free(&s);
}

static void put_processes(struct text *out, const struct ui *ui,
			  const cJSON *processes)
{
	static const char *const heads[] = {"PROCESS",  "NAME",     "BEGAN IN",
					    "STATE",    "MESSAGES", "LINKS",
					    "MONITORS", "HOLDS",    NULL};
	struct table t;
	const cJSON *p;

	table_init(&t, heads);
	cJSON_ArrayForEach(p, processes)
	{
		table_cell(&t, UI_NAME, "%d", json_int(p, "process", 0));
		table_cell(&t, UI_PLAIN, "%s", json_str(p, "name"));
		table_cell(&t, UI_PLAIN, "%s", json_str(p, "initial"));
		table_cell(&t, UI_PLAIN, "%s", json_str(p, "state"));
		table_cell(&t, UI_PLAIN, "%d", count(p, "messages"));
		table_cell(&t, UI_PLAIN, "%d", count(p, "links"));
		table_cell(&t, UI_PLAIN, "%d", count(p, "monitors"));
		put_holds(&t, json_at(p, "holds"));
	}
	table_put(out, ui, &t);
	table_free(&t);
}

static void put_target(struct text *out, const struct ui *ui, const cJSON *t)
{
	const cJSON *processes = json_at(json_at(t, "result"), "processes");

	if (cJSON_GetArraySize(processes) == 0)
		text_puts(out, "no processes\n");
	else
		put_processes(out, ui, processes);
}

static void put_answer(struct text *out, const struct ui *ui,
		       const cJSON *answer)
{
	ask_put_targets(out, ui, answer, put_target);
}

static int exec_ps(struct options *o)
{
	static const struct ask_question question = {.method = "watch/ps",
						     .direct = survey_order};

	return ask_show(o, &question, put_answer);
}

const struct command cmd_ps_entry = {
    .name = "ps",
    .help = "the processes that programs started with hw_spawn",
    .about = "Lists the hotwatch processes of every target: threads that the "
	     "program\n"
	     "started with hw_spawn, which can be linked, monitored and ended. "
	     "HOLDS\n"
	     "names modules whose old code one is in.",
    .exec = exec_ps,
};
