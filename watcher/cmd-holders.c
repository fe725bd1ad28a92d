/* SPDX-License-Identifier: MIT
 *
 * hotwatch holders: who keeps old code in memory.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/ask.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/survey.h"
#include "watcher/table.h"

static void put_since(struct table *t, const cJSON *holder)
{
	double since = json_num(holder, "since", 0);
	char *ago = since > 0 ? ui_ago((int64_t)since, ui_now()) : xstrdup("");

	table_cell(t, UI_DIM, "%s", ago);
	free(ago);
}

static void put_holder(struct table *t, const cJSON *version,
		       const cJSON *holder, int pid)
{
	struct text who = {0}, where = {0};

	held_who(&who, holder, pid);
	held_where(&where, holder);
	table_cell(t, UI_NAME, "%s v%d", json_str(version, "module"),
		   json_int(version, "version", 0));
	table_cell(t, UI_PLAIN, "%s", who.len ? who.s : "variable");
	table_cell(t, UI_PLAIN, "%s", where.len ? where.s : "");
	put_since(t, holder);
	text_free(&who);
	text_free(&where);
}

/* Once for each function: a hundred threads in one loop need one remark. */
static void put_hints(struct text *out, const struct ui *ui,
		      const cJSON *versions)
{
	struct strv seen = {0};
	const cJSON *v, *h;

	cJSON_ArrayForEach(v, versions)
	{
		cJSON_ArrayForEach(h, json_at(v, "holders"))
		{
			const char *hint = json_str(h, "hint");

			if (!*hint || strv_has(&seen, hint))
				continue;
			strv_add(&seen, hint);
			ui_put(out, ui, UI_WARN, "%s", hint);
			text_puts(out, "\n");
		}
	}
	strv_free(&seen);
}

static size_t put_versions(struct text *out, const struct ui *ui,
			   const cJSON *versions, int pid)
{
	static const char *const heads[] = {"HELD", "BY", "IN", "SINCE", NULL};
	const cJSON *v, *h;
	struct table t;
	size_t n;

	table_init(&t, heads);
	cJSON_ArrayForEach(v, versions)
	{
		cJSON_ArrayForEach(h, json_at(v, "holders"))
		{
			put_holder(&t, v, h, pid);
		}
	}
	n = t.nstyles;
	if (n)
		table_put(out, ui, &t);
	table_free(&t);
	return n;
}

static void put_target(struct text *out, const struct ui *ui, const cJSON *t)
{
	const cJSON *versions = json_at(t, "modules");

	if (!put_versions(out, ui, versions, json_int(t, "pid", 0)))
		text_puts(out, "nothing holds old code\n");
	put_hints(out, ui, versions);
}

static void put_answer(struct text *out, const struct ui *ui,
		       const cJSON *answer)
{
	ask_put_targets(out, ui, answer, put_target);
}

static int exec_holders(struct options *o)
{
	char *module = o->noperands ? ask_module_name(o->operands[0]) : NULL;
	cJSON *params = cJSON_CreateObject();
	struct ask_question q = {.method = "watch/holders",
				 .params = params,
				 .direct = survey_order};
	int status;

	if (module)
		cJSON_AddStringToObject(params, "module", module);
	status = ask_show(o, &q, put_answer);
	cJSON_Delete(params);
	free(module);
	return status;
}

const struct command cmd_holders_entry = {
    .name = "holders",
    .operands = "[MODULE]",
    .help = "who still runs old code: thread, function, line, or variable",
    .about =
	"Lists what keeps old versions of modules (or of MODULE) in memory, "
	"in\n"
	"every process of the project: threads and hotwatch processes that "
	"are\n"
	"in one, with function and line, and variables and other places that\n"
	"point into one. What cannot be looked into is listed as well.\n\n"
	"A loop that has stayed in an old version for 5 s is named again "
	"below,\n"
	"with the call that would let it move on. With --json each thread's\n"
	"whole stack is given.",
    .max = 1,
    .exec = exec_holders,
};
