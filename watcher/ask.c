/* SPDX-License-Identifier: MIT
 *
 * See ask.h. A question never starts a watcher, because a watcher loads code
 * and a question must change nothing. With no watcher the targets themselves
 * are asked, so `status` and `modules` always tell what runs.
 */
#include "watcher/ask.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watcher/jsonget.h"
#include "watcher/project.h"
#include "watcher/survey.h"

void ask_complain(const struct options *o, const char *reason, const char *s)
{
	struct text t = {0};
	struct ui ui;

	ui_open(&ui, STDERR_FILENO, o->color);
	text_printf(&t, "hotwatch %s: ", o->command->name);
	ui_put(&t, &ui, UI_BAD, "%s", reason);
	text_printf(&t, ": %s\n", s);
	fputs(t.s, stderr);
	text_free(&t);
}

int ask_fail(const struct options *o, int status, const char *reason,
	     const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = xstrdup(reason);
	va_end(ap);
	if (o->json) {
		cJSON *doc = cJSON_CreateObject();
		cJSON *error = cJSON_AddObjectToObject(doc, "error");

		cJSON_AddStringToObject(error, "reason", reason);
		cJSON_AddStringToObject(error, "message", s);
		ask_print_json(doc);
		cJSON_Delete(doc);
	}
	ask_complain(o, reason, s);
	free(s);
	return status;
}

int ask_status(const char *reason)
{
	static const char *const unasked[] = {"no_watcher", "no_target",
					      "closed", "deadline"};

	for (size_t i = 0; i < ARRAY_SIZE(unasked); i++)
		if (!strcmp(reason, unasked[i]))
			return STATUS_UNASKED;
	return STATUS_REFUSED;
}

void ask_print(struct text *t)
{
	if (t->len)
		fwrite(t->s, 1, t->len, stdout);
	fflush(stdout);
	text_free(t);
}

void ask_print_json(const cJSON *json)
{
	char *s = cJSON_PrintUnformatted(json);

	puts(s ? s : "null");
	fflush(stdout);
	cJSON_free(s);
}

int ask_attach(const struct options *o, struct client **c,
	       client_notified *notified, void *arg)
{
	char *err = NULL, *root = project_root(NULL, o->target, &err);
	int status = 0;

	if (!root)
		status =
		    ask_fail(o, STATUS_UNASKED,
			     o->target ? "no_target" : "no_project", "%s", err);
	else if (project_connect(root, c, notified, arg, &err) < 0)
		status = ask_fail(o, STATUS_UNASKED, "no_watcher", "%s", err);
	free(root);
	free(err);
	return status;
}

static const cJSON *find_pid(const cJSON *targets, int pid)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, targets)
	{
		if (json_int(t, "pid", 0) == pid)
			return t;
	}
	return NULL;
}

/* Adds "program" and "name" to the targets of an answer that lack them. */
static void add_names(struct client *c, cJSON *targets)
{
	struct client_error e = {0};
	cJSON *status = NULL, *t;

	client_call(c, "watch/status", NULL, &status, &e);
	cJSON_ArrayForEach(t, targets)
	{
		const cJSON *known =
		    find_pid(json_at(status, "targets"), json_int(t, "pid", 0));

		if (json_at(t, "name"))
			continue;
		cJSON_AddStringToObject(t, "program",
					json_str(known, "program"));
		cJSON_AddStringToObject(t, "name", json_str(known, "name"));
	}
	cJSON_Delete(status);
	client_error_free(&e);
}

/* Leaves only those that --target names. 0, or the exit status. */
static int keep_wanted(const struct options *o, cJSON *targets)
{
	cJSON *t = targets ? targets->child : NULL, *next;

	for (; o->target && t; t = next) {
		next = t->next;
		if (!survey_is(t, o->target))
			cJSON_Delete(cJSON_DetachItemViaPointer(targets, t));
	}
	if (cJSON_GetArraySize(targets) > 0 || !o->target)
		return 0;
	return ask_fail(o, STATUS_UNASKED, "no_target",
			"%s is not among the project's processes", o->target);
}

static cJSON *ask_targets(const struct options *o, const char *root,
			  const struct ask_question *q, int *status)
{
	cJSON *found, *result = NULL;
	int silent;

	found = survey_targets(root, o->target, &silent);
	if (cJSON_GetArraySize(found) > 0)
		result = q->direct(found, root, q);
	else if (silent > 0)
		*status = ask_fail(o, STATUS_UNASKED, "no_target",
				   "%d process%s did not answer; stopped, or "
				   "of another user?",
				   silent, silent == 1 ? "" : "es");
	else
		*status = ask_fail(
		    o, STATUS_UNASKED, "no_watcher",
		    "no watcher runs%s%s, and no hot-built program; start one "
		    "with `hotwatch run PROGRAM`",
		    root ? " for " : "", root ? root : "");
	cJSON_Delete(found);
	return result;
}

static cJSON *call(const struct options *o, struct client *c,
		   const struct ask_question *q, int *status)
{
	struct client_error e = {0};
	cJSON *result = NULL, *targets;

	client_limit(c, PROJECT_LIMIT_MS + q->limit_ms);
	if (client_call(c, q->method, cJSON_Duplicate(q->params, true), &result,
			&e) < 0) {
		*status = ask_fail(o, ask_status(e.reason), e.reason, "%s",
				   e.message);
	} else {
		targets = cJSON_GetObjectItemCaseSensitive(result, "targets");
		client_limit(c, PROJECT_LIMIT_MS);
		add_names(c, targets);
		*status = keep_wanted(o, targets);
	}
	client_error_free(&e);
	return result;
}

cJSON *ask_watcher(const struct options *o, const struct ask_question *q,
		   int *status)
{
	char *err = NULL, *root = project_root(NULL, o->target, &err);
	struct client *c = NULL;
	cJSON *result = NULL;

	*status = 0;
	if (!root && o->target)
		*status = ask_fail(o, STATUS_UNASKED, "no_target", "%s", err);
	else if (root && project_connect(root, &c, NULL, NULL, NULL) == 0)
		result = call(o, c, q, status);
	else
		result = ask_targets(o, root, q, status);
	if (*status != 0) {
		cJSON_Delete(result);
		result = NULL;
	}
	client_close(c);
	free(root);
	free(err);
	return result;
}

int ask_show(const struct options *o, const struct ask_question *q,
	     ask_put *put)
{
	struct text out = {0};
	struct ui ui;
	int status;
	cJSON *answer = ask_watcher(o, q, &status);

	if (!answer)
		return status;
	if (o->json) {
		ask_print_json(answer);
	} else {
		ui_open(&ui, STDOUT_FILENO, o->color);
		put(&out, &ui, answer);
		ask_print(&out);
	}
	cJSON_Delete(answer);
	return STATUS_DONE;
}

void ask_put_targets(struct text *out, const struct ui *ui, const cJSON *answer,
		     ask_put *put_one)
{
	const cJSON *t, *error;

	cJSON_ArrayForEach(t, json_at(answer, "targets"))
	{
		if (out->len)
			text_puts(out, "\n");
		ui_put(out, ui, UI_NAME, "pid %d", json_int(t, "pid", 0));
		ui_put(out, ui, UI_PLAIN, " %s", json_str(t, "name"));
		text_puts(out, "\n");
		error = json_at(t, "error");
		if (error)
			text_printf(out, "%s\n", json_str(error, "message"));
		else
			put_one(out, ui, t);
	}
	if (!out->len)
		text_puts(out, "no hot-built program runs\n");
}

/* What has no extension is no source: a program often has the name of its
 * main module. */
static bool is_source(const char *word)
{
	struct stat st;

	return ends_with(word, ".c") ||
	       (strchr(path_base(word), '.') && stat(word, &st) == 0 &&
		S_ISREG(st.st_mode));
}

char *ask_module_name(const char *word)
{
	char *cwd, *path, *real;

	if (!is_source(word))
		return xstrdup(word);
	cwd = path_real(".");
	path = path_absolute(cwd, word);
	real = path_real(path);
	free(path);
	free(cwd);
	return real;
}

int ask_module_is(const char *name, const char *source, const char *word)
{
	if (!strcmp(name, word) || !strcmp(source, word))
		return 2;
	return !strcmp(path_base(name), word) ? 1 : 0;
}
