/* SPDX-License-Identifier: MIT
 *
 * hotwatch which: one module, and what each target has of it. It is answered
 * from watch/modules: the names of modules are matched in one place, whether
 * a watcher runs or not.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/jsonget.h"
#include "watcher/nearest.h"
#include "watcher/survey.h"
#include "watcher/table.h"

struct match {
	const char *word;
	const cJSON *module; /* the best so far */
	int score;
	bool ambiguous;
	struct nearest near;
};

static void match_module(struct match *m, const cJSON *module)
{
	const char *name = json_str(module, "module");
	int score = ask_module_is(name, json_str(module, "source"), m->word);

	nearest_offer(&m->near, name);
	nearest_offer(&m->near, path_base(name));
	if (score == 0 || score < m->score)
		return;
	m->ambiguous = score == m->score &&
		       strcmp(name, json_str(m->module, "module")) != 0;
	m->score = score;
	m->module = module;
}

static void match_all(struct match *m, const cJSON *answer)
{
	const cJSON *t, *module;

	cJSON_ArrayForEach(t, json_at(answer, "targets"))
	{
		cJSON_ArrayForEach(module, json_at(t, "modules"))
		    match_module(m, module);
	}
}

static void add_where(cJSON *targets, const cJSON *target, const cJSON *module)
{
	cJSON *t = cJSON_CreateObject();

	cJSON_AddNumberToObject(t, "pid", json_int(target, "pid", 0));
	cJSON_AddNumberToObject(t, "version", json_int(module, "version", 0));
	cJSON_AddStringToObject(t, "hash", json_str(module, "hash"));
	cJSON_AddStringToObject(t, "file", json_str(module, "file"));
	cJSON_AddItemToArray(targets, t);
}

/* The result of watch/which. */
static cJSON *make_which(const cJSON *answer, const cJSON *found)
{
	const char *name = json_str(found, "module");
	cJSON *which = cJSON_CreateObject(), *targets;
	const cJSON *t, *module;

	cJSON_AddStringToObject(which, "module", name);
	cJSON_AddStringToObject(which, "source", json_str(found, "source"));
	targets = cJSON_AddArrayToObject(which, "targets");
	cJSON_ArrayForEach(t, json_at(answer, "targets"))
	{
		cJSON_ArrayForEach(module, json_at(t, "modules"))
		{
			if (!strcmp(json_str(module, "module"), name))
				add_where(targets, t, module);
		}
	}
	return which;
}

static void put_which(struct text *out, const struct ui *ui, const cJSON *which)
{
	static const char *const heads[] = {"PID", "VERSION", "HASH", "FILE",
					    NULL};
	struct table t;
	const cJSON *target;

	ui_put(out, ui, UI_NAME, "%s", json_str(which, "module"));
	ui_put(out, ui, UI_PLAIN, " %s", json_str(which, "source"));
	text_puts(out, "\n");
	table_init(&t, heads);
	cJSON_ArrayForEach(target, json_at(which, "targets"))
	{
		table_cell(&t, UI_NAME, "%d", json_int(target, "pid", 0));
		table_cell(&t, UI_PLAIN, "%d", json_int(target, "version", 0));
		table_cell(&t, UI_DIM, "%s", json_str(target, "hash"));
		table_cell(&t, UI_PLAIN, "%s", json_str(target, "file"));
	}
	table_put(out, ui, &t);
	table_free(&t);
}

static int not_found(const struct options *o, const struct match *m)
{
	if (m->ambiguous)
		return ask_fail(o, STATUS_REFUSED, "unknown_module",
				"several modules are called %s; give the whole "
				"name, as `hotwatch modules` shows it",
				m->word);
	return ask_fail(o, STATUS_REFUSED, "unknown_module",
			"no module %s%s%s%s; `hotwatch modules` lists them",
			m->word, m->near.best ? "; did you mean " : "",
			m->near.best ? m->near.best : "",
			m->near.best ? "?" : "");
}

static void print_which(const struct options *o, const cJSON *which)
{
	struct text out = {0};
	struct ui ui;

	if (o->json) {
		ask_print_json(which);
		return;
	}
	ui_open(&ui, STDOUT_FILENO, o->color);
	put_which(&out, &ui, which);
	ask_print(&out);
}

static const struct ask_question question = {.method = "watch/modules",
					     .direct = survey_modules};

static int exec_which(struct options *o)
{
	char *word = ask_module_name(o->operands[0]);
	struct match m = {.word = word, .near = {.word = o->operands[0]}};
	cJSON *answer, *which;
	int status;

	answer = ask_watcher(o, &question, &status);
	if (answer)
		match_all(&m, answer);
	if (answer && (!m.module || m.ambiguous)) {
		status = not_found(o, &m);
	} else if (answer) {
		which = make_which(answer, m.module);
		print_which(o, which);
		cJSON_Delete(which);
	}
	cJSON_Delete(answer);
	free(word);
	return status;
}

const struct command cmd_which_entry = {
    .name = "which",
    .operands = "MODULE",
    .help = "where a module comes from, and what each process has of it",
    .about =
	"Shows a module's source, and for each process the version that is\n"
	"current, its content hash and the file it was loaded from.\n\n"
	"MODULE is a module's name (src/server), its last part if that is\n"
	"unique (server), or the path of its source (src/server.c).",
    .min = 1,
    .max = 1,
    .exec = exec_which,
};
