/* SPDX-License-Identifier: MIT
 *
 * hotwatch status: which processes run hot code, whether they are up to date,
 * and what keeps a module from being so.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/ask.h"
#include "watcher/jsonget.h"
#include "watcher/kin.h"
#include "watcher/report.h"
#include "watcher/survey.h"
#include "watcher/table.h"

static enum ui_style state_style(const char *state)
{
	static const struct {
		const char *state;
		enum ui_style style;
	} styles[] = {
	    {"current", UI_GOOD}, {"loading", UI_WARN}, {"behind", UI_WARN},
	    {"silent", UI_BAD},   {"refused", UI_BAD},  {"unusable", UI_BAD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		if (!strcmp(styles[i].state, state))
			return styles[i].style;
	return UI_PLAIN;
}

static void put_started(struct table *t, int pid)
{
	int64_t started = kin_started_at(pid);
	char *ago = started ? ui_ago(started, ui_now()) : xstrdup("");

	table_cell(t, UI_PLAIN, "%s", ago);
	free(ago);
}

static void put_targets(struct text *out, const struct ui *ui,
			const cJSON *targets)
{
	static const char *const heads[] = {"PID",     "PROGRAM", "STATE",
					    "MODULES", "BEHIND",  "OLD",
					    "STARTED", "REASON",  NULL};
	struct table t;
	const cJSON *target;

	table_init(&t, heads);
	cJSON_ArrayForEach(target, targets)
	{
		const char *state = json_str(target, "state");

		table_cell(&t, UI_NAME, "%d", json_int(target, "pid", 0));
		table_cell(&t, UI_PLAIN, "%s", json_str(target, "name"));
		table_cell(&t, state_style(state), "%s", state);
		table_cell(&t, UI_PLAIN, "%d", json_int(target, "modules", 0));
		table_cell(&t, UI_PLAIN, "%d", json_int(target, "behind", 0));
		table_cell(&t, UI_PLAIN, "%d", json_int(target, "old", 0));
		put_started(&t, json_int(target, "pid", 0));
		table_cell(&t, UI_PLAIN, "%s", json_str(target, "reason"));
	}
	table_put(out, ui, &t);
	table_free(&t);
}

/* "src/server v0 held by main thread in main (server.c:7120)" */
static void put_held(struct text *out, const struct ui *ui,
		     const cJSON *targets)
{
	const cJSON *t, *h;

	cJSON_ArrayForEach(t, targets)
	{
		cJSON_ArrayForEach(h, json_at(t, "held"))
		{
			ui_put(out, ui, UI_NAME, "%s v%d",
			       json_str(h, "module"),
			       json_int(h, "version", 0));
			ui_put(out, ui, UI_WARN, " held");
			ui_put(out, ui, UI_PLAIN, " by %s",
			       json_str(h, "message"));
			text_printf(out, ", in pid %d\n",
				    json_int(t, "pid", 0));
		}
	}
}

/* A module's error, worded as the event that told it. */
static void put_error(struct text *out, const struct ui *ui, const cJSON *e)
{
	cJSON *event = cJSON_Duplicate(e, true);
	cJSON *modules = cJSON_AddArrayToObject(event, "modules");

	cJSON_AddItemToArray(modules,
			     cJSON_CreateString(json_str(e, "module")));
	cJSON_AddStringToObject(event, "kind", "error");
	report_event(out, ui, event, false);
	cJSON_Delete(event);
}

static void put_errors(struct text *out, const struct ui *ui,
		       const cJSON *errors)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, errors) put_error(out, ui, e);
}

static void put_settings(struct text *out, const struct ui *ui,
			 const cJSON *fault)
{
	if (!fault)
		return;
	ui_put(out, ui, UI_NAME, "%s:%d: ", json_str(fault, "file"),
	       json_int(fault, "line", 1));
	ui_put(out, ui, UI_BAD, "%s", json_str(fault, "message"));
	text_puts(out, "; it is as it was before\n");
}

static void put_building(struct text *out, const struct ui *ui,
			 const cJSON *building)
{
	int n = cJSON_GetArraySize(building);

	if (n == 0)
		return;
	text_puts(out, "building ");
	for (int i = 0; i < n; i++)
		ui_put(out, ui, UI_NAME, "%s%s", i ? ", " : "",
		       json_str_at(building, i));
	text_puts(out, "\n");
}

static void put_status(struct text *out, const struct ui *ui,
		       const cJSON *status)
{
	const cJSON *targets = json_at(status, "targets");

	if (*json_str(status, "root")) {
		ui_put(out, ui, UI_NAME, "%s", json_str(status, "root"));
		text_puts(out, "\n");
	}
	if (cJSON_GetArraySize(targets) > 0)
		put_targets(out, ui, targets);
	else
		text_puts(out, "no hot-built program runs\n");
	put_held(out, ui, targets);
	put_building(out, ui, json_at(status, "building"));
	put_settings(out, ui, json_at(status, "settings"));
	put_errors(out, ui, json_at(status, "errors"));
}

static int exec_status(struct options *o)
{
	static const struct ask_question question = {.method = "watch/status",
						     .direct = survey_status};

	return ask_show(o, &question, put_status);
}

const struct command cmd_status_entry = {
    .name = "status",
    .help = "which processes run hot code, and whether they are up to date",
    .about =
	"Shows every process of the project that runs hot-built code: whether\n"
	"it is up to date with what is on disk, how many modules are behind\n"
	"it, how many old versions are still in memory and who holds them, "
	"and\n"
	"which modules do not compile or were refused.\n\n"
	"STATE is `unwatched` when no watcher runs; then saving changes\n"
	"nothing.",
    .exec = exec_status,
};
