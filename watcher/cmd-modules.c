/* SPDX-License-Identifier: MIT
 *
 * hotwatch modules: the modules of each target, with what is loaded of them.
 */
#include <cjson/cJSON.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/jsonget.h"
#include "watcher/survey.h"
#include "watcher/table.h"

#define HASH_SHOWN 12 /* digits: enough to tell versions apart */

/* Versions that are still there beside the current one. */
static int count_kept(const cJSON *module)
{
	const cJSON *v;
	int n = 0;

	cJSON_ArrayForEach(v, json_at(module, "versions")) n +=
	    strcmp(json_str(v, "state"), "current") != 0;
	return n;
}

static void put_modules(struct text *out, const struct ui *ui,
			const cJSON *modules)
{
	static const char *const heads[] = {"MODULE", "VERSION", "KEPT",
					    "HASH",   "SOURCE",  NULL};
	struct table t;
	const cJSON *m;

	table_init(&t, heads);
	cJSON_ArrayForEach(m, modules)
	{
		int version = json_int(m, "version", 0);

		table_cell(&t, UI_NAME, "%s", json_str(m, "module"));
		table_cell(&t, version > 0 ? UI_GOOD : UI_PLAIN, "%d", version);
		table_cell(&t, UI_PLAIN, "%d", count_kept(m));
		table_cell(&t, UI_DIM, "%.*s", HASH_SHOWN, json_str(m, "hash"));
		table_cell(&t, UI_PLAIN, "%s", json_str(m, "source"));
	}
	table_put(out, ui, &t);
	table_free(&t);
}

static void put_targets(struct text *out, const struct ui *ui,
			const cJSON *targets)
{
	const cJSON *t;
	bool first = true;

	cJSON_ArrayForEach(t, targets)
	{
		if (!first)
			text_puts(out, "\n");
		first = false;
		ui_put(out, ui, UI_NAME, "pid %d", json_int(t, "pid", 0));
		ui_put(out, ui, UI_PLAIN, " %s", json_str(t, "name"));
		text_puts(out, "\n");
		put_modules(out, ui, json_at(t, "modules"));
	}
	if (first)
		text_puts(out, "no hot-built program runs\n");
}

static const struct ask_question question = {.method = "watch/modules",
					     .direct = survey_modules};

static int exec_modules(struct options *o)
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

const struct command cmd_modules_entry = {
    .name = "modules",
    .help = "modules with their versions, hashes and sources",
    .about =
	"Lists the modules (translation units) of every process of the\n"
	"project. VERSION is how often the module was loaded anew in that\n"
	"process, 0 being what it started with; KEPT counts older versions\n"
	"that are still in memory; HASH is of the code that is current.",
    .exec = exec_modules,
};
