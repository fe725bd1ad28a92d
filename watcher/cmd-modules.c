/* SPDX-License-Identifier: MIT
 *
 * hotwatch modules: the modules of each target, with what is loaded of them.
 */
#include <cjson/cJSON.h>
#include <string.h>

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

static void put_target(struct text *out, const struct ui *ui, const cJSON *t)
{
	static const char *const heads[] = {"MODULE", "VERSION", "KEPT",
					    "HASH",   "SOURCE",  NULL};
	struct table table;
	const cJSON *m;

	table_init(&table, heads);
	cJSON_ArrayForEach(m, json_at(t, "modules"))
	{
		int version = json_int(m, "version", 0);

		table_cell(&table, UI_NAME, "%s", json_str(m, "module"));
		table_cell(&table, version > 0 ? UI_GOOD : UI_PLAIN, "%d",
			   version);
		table_cell(&table, UI_PLAIN, "%d", count_kept(m));
		table_cell(&table, UI_DIM, "%.*s", HASH_SHOWN,
			   json_str(m, "hash"));
		table_cell(&table, UI_PLAIN, "%s", json_str(m, "source"));
	}
	table_put(out, ui, &table);
	table_free(&table);
}

static void put_answer(struct text *out, const struct ui *ui,
		       const cJSON *answer)
{
	ask_put_targets(out, ui, answer, put_target);
}

static int exec_modules(struct options *o)
{
	static const struct ask_question question = {.method = "watch/modules",
						     .direct = survey_modules};

	return ask_show(o, &question, put_answer);
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
