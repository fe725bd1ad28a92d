/* SPDX-License-Identifier: MIT
 *
 * hotwatch/status and hotwatch/holders: what an editor's mode line and list of
 * holders show, ready to be shown. A client asks for them by the capability
 * experimental.hotwatch; others are told by window/showMessage what they would
 * miss otherwise. All get the watcher's lines by window/logMessage.
 *
 * The state is the durable truth, not the last thing that happened: a load of
 * one module does not hide that another does not compile. It is the first row
 * of the table that is the case.
 */
#include "watcher/lsp-internal.h"
#include "watcher/report.h"

#include <stdlib.h>
#include <string.h>

/* --- the state ----------------------------------------------------------- */

static int count(const cJSON *o, const char *list)
{
	return cJSON_GetArraySize(json_at(o, list));
}

static const cJSON *target_in(const struct lsp *s, const char *state)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(s->watch, "targets"))
	{
		if (!strcmp(json_str(t, "state"), state))
			return t;
	}
	return NULL;
}

/* The first refusal that stands: of an event, the target that said it. */
static const cJSON *refusal(const struct lsp *s)
{
	const cJSON *e, *t;

	cJSON_ArrayForEach(e, s->troubles)
	{
		cJSON_ArrayForEach(t, json_at(e, "targets"))
		{
			if (!json_true(t, "ok"))
				return t;
		}
	}
	return NULL;
}

static void say(cJSON *o, const char *reason, const char *message)
{
	if (reason && *reason)
		cJSON_AddStringToObject(o, "reason", reason);
	if (message && *message)
		cJSON_AddStringToObject(o, "message", message);
}

static bool no_project(const struct lsp *s, cJSON *o)
{
	if (!s->root)
		say(o, "no_project", s->why);
	return !s->root;
}

static bool bad_settings(const struct lsp *s, cJSON *o)
{
	const cJSON *fault =
	    s->fault ? s->fault : json_at(s->watch, "settings");

	if (fault)
		say(o, "settings", json_str(fault, "message"));
	return fault != NULL;
}

/* One that there was, or that cannot be: else it is just being found. */
static bool no_watcher(const struct lsp *s, cJSON *o)
{
	bool lost = !s->up && s->why;

	if (lost)
		say(o, "no_watcher", s->why);
	return lost;
}

static bool is_starting(const struct lsp *s, cJSON *o)
{
	(void)o;
	return !s->watch;
}

static bool is_building(const struct lsp *s, cJSON *o)
{
	if (!s->building)
		return false;
	cJSON_AddNumberToObject(o, "done", json_int(s->building, "done", 0));
	cJSON_AddNumberToObject(o, "total", json_int(s->building, "total", 1));
	return true;
}

static bool has_errors(const struct lsp *s, cJSON *o)
{
	const cJSON *error = json_at(s->watch, "errors");

	error = error ? error->child : NULL;
	if (error)
		say(o, "error", json_str(error, "message"));
	return error != NULL;
}

static bool is_refused(const struct lsp *s, cJSON *o)
{
	const cJSON *t = refusal(s);

	if (t)
		say(o, json_str(t, "reason"), json_str(t, "message"));
	return t != NULL;
}

static bool lost_target(const struct lsp *s, cJSON *o)
{
	bool lost = s->had_target && count(s->watch, "targets") == 0;

	if (lost)
		say(o, "no_target",
		    "the program has ended; start it again with `hotwatch run "
		    "PROGRAM`");
	return lost;
}

static bool no_target(const struct lsp *s, cJSON *o)
{
	if (count(s->watch, "targets") > 0)
		return false;
	say(o, "no_target",
	    "no program of this project runs; start one with `hotwatch run "
	    "PROGRAM`");
	return true;
}

static bool is_silent(const struct lsp *s, cJSON *o)
{
	const cJSON *t = target_in(s, "silent");

	if (t)
		say(o, "no_answer", json_str(t, "reason"));
	return t != NULL;
}

static bool is_unusable(const struct lsp *s, cJSON *o)
{
	const cJSON *t = target_in(s, "unusable");

	if (t)
		say(o, "unusable", json_str(t, "reason"));
	return t != NULL;
}

/* What is on disk is not what runs: it was rolled back or deleted, or saves
 * are not loaded by themselves. */
static bool is_stale(const struct lsp *s, cJSON *o)
{
	if (!target_in(s, "behind"))
		return false;
	say(o, "stale",
	    "what is on disk is not what runs; a save loads it, and so does "
	    "`hotwatch load MODULE`");
	return true;
}

/* Of a program that has started since it says nothing. */
static bool is_unchanged(const struct lsp *s, cJSON *o)
{
	(void)o;
	return !strcmp(json_str(s->outcome, "kind"), "unchanged") &&
	       json_num(s->outcome, "seq", 0) > s->attached;
}

static bool is_live(const struct lsp *s, cJSON *o)
{
	(void)o;
	return s->live != NULL;
}

static bool is_attached(const struct lsp *s, cJSON *o)
{
	(void)s;
	(void)o;
	return true;
}

/* TEXT: what a mode line shows; NULL: it is made. */
static const struct {
	const char *state, *text;
	bool (*is)(const struct lsp *s, cJSON *o);
} states[] = {
    {"no_project", "no project", no_project},
    {"error", "error", bad_settings},
    {"lost", "lost", no_watcher},
    {"starting", "...", is_starting},
    {"building", NULL, is_building},
    {"error", "error", has_errors},
    {"refused", "refused", is_refused},
    {"lost", "lost", lost_target},
    {"idle", "idle", no_target},
    {"silent", "silent", is_silent},
    {"unusable", "unusable", is_unusable},
    {"stale", NULL, is_stale},
    {"unchanged", "unchanged", is_unchanged},
    {"live", NULL, is_live},
    {"attached", NULL, is_attached},
};

/* --- hotwatch/status ----------------------------------------------------- */

static double total_ms(const cJSON *event)
{
	return json_num(json_at(event, "ms"), "total", -1);
}

/* Targets of one program are behind by the same modules. */
static int most_behind(const struct lsp *s)
{
	const cJSON *t;
	int most = 0, n;

	cJSON_ArrayForEach(t, json_at(s->watch, "targets"))
	{
		n = json_int(t, "behind", 0);
		most = n > most ? n : most;
	}
	return most;
}

static char *made_text(const struct lsp *s, const cJSON *o, const char *state)
{
	int targets = json_int(o, "targets", 0);

	if (!strcmp(state, "building") && json_int(o, "total", 1) > 1)
		return xasprintf("building %d/%d", json_int(o, "done", 0),
				 json_int(o, "total", 1));
	if (!strcmp(state, "building"))
		return xstrdup("building");
	if (!strcmp(state, "live"))
		return xasprintf("v%d %.0fms", json_int(s->live, "version", 0),
				 total_ms(s->live));
	if (!strcmp(state, "stale"))
		return xasprintf("stale: %d module%s", most_behind(s),
				 most_behind(s) == 1 ? "" : "s");
	if (targets == 1)
		return xasprintf("pid %d", json_int(o, "pid", 0));
	return xasprintf("%d processes", targets);
}

/* Of the last load, whatever came after it. */
static void add_live(const struct lsp *s, cJSON *o)
{
	const cJSON *modules = json_at(s->live, "modules");

	if (!s->live)
		return;
	cJSON_AddNumberToObject(o, "version", json_int(s->live, "version", 0));
	if (total_ms(s->live) >= 0)
		cJSON_AddNumberToObject(o, "ms", total_ms(s->live));
	cJSON_AddItemToObject(o, "modules", cJSON_Duplicate(modules, true));
}

static void add_counts(const struct lsp *s, cJSON *o)
{
	const cJSON *targets = json_at(s->watch, "targets"), *t;
	int n = cJSON_GetArraySize(targets), held = 0, behind = 0;

	cJSON_ArrayForEach(t, targets)
	{
		held += count(t, "held");
		behind += json_int(t, "behind", 0);
	}
	cJSON_AddNumberToObject(o, "targets", n);
	if (n == 1)
		cJSON_AddNumberToObject(o, "pid",
					json_int(targets->child, "pid", 0));
	cJSON_AddNumberToObject(o, "errors", count(s->watch, "errors"));
	cJSON_AddNumberToObject(o, "held", held);
	cJSON_AddNumberToObject(o, "behind", behind);
	if (s->root)
		cJSON_AddStringToObject(o, "root", s->root);
	cJSON_AddNumberToObject(o, "seq", json_num(s->outcome, "seq", 0));
}

static cJSON *status_json(const struct lsp *s)
{
	cJSON *o = cJSON_CreateObject();
	size_t i = 0;
	char *text;

	add_counts(s, o);
	add_live(s, o);
	while (!states[i].is(s, o))
		i++;
	cJSON_AddStringToObject(o, "state", states[i].state);
	text = states[i].text ? xstrdup(states[i].text)
			      : made_text(s, o, states[i].state);
	cJSON_AddStringToObject(o, "text", text);
	free(text);
	return o;
}

/* Sends PARAMS unless they are what was sent last. */
static void send_changed(struct lsp *s, const char *method, cJSON *params,
			 char **last)
{
	char *text = cJSON_PrintUnformatted(params);

	if (*last && !strcmp(*last, text)) {
		cJSON_Delete(params);
		cJSON_free(text);
		return;
	}
	free(*last);
	*last = xstrdup(text);
	cJSON_free(text);
	lsp_notify(s, method, params);
}

void lsp_status_tell(struct lsp *s)
{
	if (s->caps.status && s->told_ready)
		send_changed(s, "hotwatch/status", status_json(s),
			     &s->told_status);
}

void lsp_holders_tell(struct lsp *s)
{
	cJSON *o;

	if (!s->caps.holders || !s->told_ready || !s->watch)
		return;
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "holders",
			      s->holding ? cJSON_Duplicate(s->holding, true)
					 : cJSON_CreateArray());
	send_changed(s, "hotwatch/holders", o, &s->told_holders);
}

/* --- messages ------------------------------------------------------------ */

/* What a client without a status line of ours must be shown, and how. */
static int message_type(const cJSON *event)
{
	static const struct {
		const char *kind;
		int type;
	} shown[] = {{"live", 3},
		     {"refused", 1},
		     {"target-lost", 2},
		     {"target-attached", 3},
		     {"notice", 3}};
	const char *kind = json_str(event, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (!strcmp(shown[i].kind, kind))
			return shown[i].type;
	return 0;
}

void lsp_status_event(struct lsp *s, const cJSON *event)
{
	static const struct ui plain = {0};
	struct text t = {0};
	cJSON *o;

	report_event(&t, &plain, event, true);
	if (t.len && t.s[t.len - 1] == '\n')
		t.s[--t.len] = '\0';
	if (t.len && !s->caps.status && message_type(event)) {
		lsp_show_message(s, message_type(event), t.s);
	} else if (t.len) {
		o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "type",
					report_is_failure(event) ? 2 : 3);
		cJSON_AddStringToObject(o, "message", t.s);
		lsp_notify(s, "window/logMessage", o);
	}
	text_free(&t);
}
