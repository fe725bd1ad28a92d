/* SPDX-License-Identifier: MIT
 *
 * hotwatch doctor: what on this machine, in this project or in this build
 * would keep a reload from working, each with the next step to take.
 */
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/binary.h"
#include "watcher/doctor.h"
#include "watcher/jsonget.h"
#include "watcher/project.h"
#include "watcher/survey.h"

static const struct {
	const char *word;
	enum ui_style style;
} verdicts[] = {
    [VERDICT_NONE] = {"none", UI_DIM},
    [VERDICT_OK] = {"ok", UI_GOOD},
    [VERDICT_WARN] = {"warn", UI_WARN},
    [VERDICT_FAIL] = {"fail", UI_BAD},
};

void finding_set(struct finding *f, enum verdict verdict, const char *next,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&f->what, fmt, ap) < 0)
		f->what = xstrdup(fmt);
	va_end(ap);
	f->verdict = verdict;
	f->next = next ? xstrdup(next) : NULL;
}

static void add_check(cJSON *checks, const char *name, const struct finding *f)
{
	cJSON *c = cJSON_CreateObject();

	cJSON_AddStringToObject(c, "name", name);
	cJSON_AddStringToObject(c, "verdict", verdicts[f->verdict].word);
	cJSON_AddStringToObject(c, "message", f->what);
	if (f->next)
		cJSON_AddStringToObject(c, "next", f->next);
	else
		cJSON_AddNullToObject(c, "next");
	cJSON_AddItemToArray(checks, c);
}

/* Runs a table of examinations; gives how many failed. */
static int examine(const struct examination *e, const struct patient *p,
		   cJSON *checks)
{
	int failed = 0;

	for (; e->name; e++) {
		struct finding f = {0};

		e->look(p, &f);
		if (f.verdict != VERDICT_NONE)
			add_check(checks, e->name, &f);
		failed += f.verdict == VERDICT_FAIL;
		free(f.what);
		free(f.next);
	}
	return failed;
}

static enum ui_style verdict_style(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (!strcmp(verdicts[i].word, word))
			return verdicts[i].style;
	return UI_PLAIN;
}

/* The next step is on a line of its own, below what it is about. */
static void print_checks(const struct options *o, const cJSON *checks)
{
	struct text out = {0};
	const cJSON *c;
	struct ui ui;

	ui_open(&ui, STDOUT_FILENO, o->color);
	cJSON_ArrayForEach(c, checks)
	{
		const char *verdict = json_str(c, "verdict");

		ui_put(&out, &ui, verdict_style(verdict), "%-4s", verdict);
		ui_put(&out, &ui, UI_NAME, "  %-15s", json_str(c, "name"));
		ui_put(&out, &ui, UI_PLAIN, "%s", json_str(c, "message"));
		text_puts(&out, "\n");
		if (!*json_str(c, "next"))
			continue;
		ui_put(&out, &ui, UI_DIM, "%21s%s",
		       "next: ", json_str(c, "next"));
		text_puts(&out, "\n");
	}
	ask_print(&out);
}

/* Whom to examine. 0, or the exit status. */
static int admit(const struct options *o, struct patient *p)
{
	const char *word = o->operands[0];
	char *err = NULL;
	int status = 0;

	if (word && !(p->program = binary_find(word, &err)))
		status = ask_fail(o, STATUS_UNASKED, "nofile", "%s", err);
	else if (p->program &&
		 binary_kind(p->program, &p->root, &err) != BINARY_HOT)
		p->root = project_root(NULL, NULL, NULL);
	else if (!p->root)
		p->root = project_root(NULL, o->target, &err);
	if (status == 0 && o->target && !p->root)
		status = ask_fail(o, STATUS_UNASKED, "no_target", "%s", err);
	p->targets = survey_targets(p->root, o->target, &p->silent);
	free(err);
	return status;
}

static int report_checks(const struct options *o, cJSON *checks, int failed)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddBoolToObject(doc, "ok", failed == 0);
	cJSON_AddItemToObject(doc, "checks", checks);
	if (o->json)
		ask_print_json(doc);
	else
		print_checks(o, checks);
	cJSON_Delete(doc);
	return failed ? STATUS_REFUSED : STATUS_DONE;
}

static int exec_doctor(struct options *o)
{
	struct patient p = {0};
	cJSON *checks = cJSON_CreateArray();
	int status = admit(o, &p), failed;

	if (status == 0) {
		failed = examine(doctor_machine, &p, checks);
		failed += examine(doctor_project, &p, checks);
		status = report_checks(o, checks, failed);
	} else {
		cJSON_Delete(checks);
	}
	cJSON_Delete(p.targets);
	free(p.program);
	free(p.root);
	return status;
}

const struct command cmd_doctor_entry = {
    .name = "doctor",
    .operands = "[PROGRAM]",
    .help = "what would keep a reload from working, and what to do about it",
    .about =
	"Looks at the machine, the tools, the project of the current folder,\n"
	"its hot build (or that of PROGRAM), its watcher and its processes.\n"
	"Changes nothing.\n\n"
	"exit status: 0 nothing keeps a reload from working; 1 something does",
    .max = 1,
    .exec = exec_doctor,
};
