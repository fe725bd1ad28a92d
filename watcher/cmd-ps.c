/* SPDX-License-Identifier: MIT
 *
 * hotwatch ps: the processes (hw_spawn) of each target.
 */
#include <cjson/cJSON.h>
#include <unistd.h>

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

static void put_targets(struct text *out, const struct ui *ui,
			const cJSON *targets)
{
	const cJSON *t, *processes;

	cJSON_ArrayForEach(t, targets)
	{
		if (out->len)
			text_puts(out, "\n");
		processes = json_at(json_at(t, "result"), "processes");
		ui_put(out, ui, UI_NAME, "pid %d", json_int(t, "pid", 0));
		ui_put(out, ui, UI_PLAIN, " %s", json_str(t, "name"));
		text_puts(out, "\n");
		if (!json_true(t, "ok"))
			text_printf(out, "%s\n",
				    json_str(json_at(t, "error"), "message"));
		else if (cJSON_GetArraySize(processes) == 0)
			text_puts(out, "no processes\n");
		else
			put_processes(out, ui, processes);
	}
	if (!out->len)
		text_puts(out, "no hot-built program runs\n");
}

static const struct ask_question question = {.method = "watch/ps",
					     .direct = survey_order};

static int exec_ps(struct options *o)
{
	struct text out = {0};
	struct ui ui;
	int status;
	cJSON *answer = ask_watcher(o, &question, &status);

	if (!answer)
		return status;
	if (o->json) {
		ask_print_json(answer);
	} else {
		ui_open(&ui, STDOUT_FILENO, o->color);
		put_targets(&out, &ui, json_at(answer, "targets"));
		ask_print(&out);
	}
	cJSON_Delete(answer);
	return STATUS_DONE;
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
