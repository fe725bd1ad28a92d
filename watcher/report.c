/* SPDX-License-Identifier: MIT
 *
 * See report.h. A good reload is one line, and all of it is on that line:
 *
 *   hotwatch: src/server v3 live in 182 ms (wait 3, compile 160, link 14,
 *   load 2.1) in pid 4711
 *
 * Whatever else happened, the line says what runs now: "the old code runs
 * on". What a compiler said follows as it said it, so that an editor or a
 * person used to it finds file:line where they look for it.
 */
#include "watcher/report.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/report-held.h"
#include "watcher/report-state.h"

#define SHOWN 2 /* modules that are named in a line */

void report_head(struct text *t, const struct ui *ui)
{
	ui_put(t, ui, UI_DIM, "hotwatch:");
	text_puts(t, " ");
}

/*
 * The version that MODULE got, if it is the same wherever it went live: each
 * process counts its own, and one that was started later counts less. Else,
 * or if the event does not say, -1.
 */
static int version_of(const cJSON *event, const char *module)
{
	const cJSON *target;
	int version = -1;

	cJSON_ArrayForEach(target, json_at(event, "targets"))
	{
		int v = json_int(json_at(target, "versions"), module, -1);

		if (v >= 0 && version >= 0 && v != version)
			return -1;
		if (v >= 0)
			version = v;
	}
	return version;
}

static void put_module(struct text *t, const struct ui *ui, const cJSON *event,
		       int i)
{
	const char *name = json_str_at(json_at(event, "modules"), i);
	int v = version_of(event, name);

	ui_put(t, ui, UI_NAME, "%s", name);
	if (v >= 0)
		ui_put(t, ui, UI_NAME, " v%d", v);
}

void report_modules(struct text *t, const struct ui *ui, const cJSON *event)
{
	int n = cJSON_GetArraySize(json_at(event, "modules"));
	int shown = n <= SHOWN + 1 ? n : SHOWN;

	if (n == 0)
		text_puts(t, "(no module)");
	for (int i = 0; i < shown; i++) {
		if (i > 0)
			text_puts(t, i + 1 == n ? " and " : ", ");
		put_module(t, ui, event, i);
	}
	if (shown < n)
		text_printf(t, " and %d more", n - shown);
}

static void put_times(struct text *t, const struct ui *ui, const cJSON *event)
{
	static const char *const phases[] = {"wait", "compile", "link", "load"};
	const cJSON *ms = json_at(event, "ms");
	double total = json_num(ms, "total", -1);
	struct text split = {0};
	char *s;

	if (total >= 0) {
		s = ui_duration(total);
		text_printf(t, " in %s", s);
		free(s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		double part = json_num(ms, phases[i], -1);

		if (part < 0)
			continue;
		s = ui_ms(part);
		text_printf(&split, "%s%s %s", split.len ? ", " : "", phases[i],
			    s);
		free(s);
	}
	if (split.len) {
		text_puts(t, " ");
		ui_put(t, ui, UI_DIM, "(%s)", split.s);
	}
	text_free(&split);
}

static int count_ok(const cJSON *targets)
{
	const cJSON *target;
	int n = 0;

	cJSON_ArrayForEach(target, targets) n += json_true(target, "ok");
	return n;
}

/* Where a live event reached. */
static void put_reach(struct text *t, const cJSON *event)
{
	const cJSON *targets = json_at(event, "targets");
	int n = cJSON_GetArraySize(targets), ok = count_ok(targets);

	if (n == 1 && ok == 1)
		text_printf(t, " in pid %d",
			    json_int(targets->child, "pid", 0));
	else if (n == ok && n > 0)
		text_printf(t, " in %d processes", n);
	else if (n > 0)
		text_printf(t, " in %d of %d processes", ok, n);
}

static void put_refusal(struct text *t, const struct ui *ui,
			const cJSON *target)
{
	const char *reason = json_str(target, "reason");
	const char *message = json_str(target, "message");

	ui_put(t, ui, UI_BAD, "%s", *reason ? reason : "failed");
	if (*message) {
		text_puts(t, ": ");
		ui_put(t, ui, UI_PLAIN, "%s", message);
	}
}

/* A line for every target that refused. */
static void put_refusals(struct text *t, const struct ui *ui,
			 const cJSON *event)
{
	const cJSON *target;

	cJSON_ArrayForEach(target, json_at(event, "targets"))
	{
		if (json_true(target, "ok"))
			continue;
		text_printf(t, "  pid %d: ", json_int(target, "pid", 0));
		put_refusal(t, ui, target);
		text_puts(t, "\n");
	}
}

/* One line of a compiler's output; its "error:" or "warning:" stands out. */
static void put_said(struct text *t, const struct ui *ui, const char *line,
		     size_t len)
{
	static const struct {
		const char *word;
		enum ui_style style;
	} marks[] = {{" error: ", UI_BAD}, {" warning: ", UI_WARN}};
	char *s = xstrndup(line, len);

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *at = strstr(s, marks[i].word);

		if (!at || !ui->color)
			continue;
		text_add(t, s, at - s);
		ui_put(t, ui, marks[i].style, "%s", marks[i].word);
		text_puts(t, at + strlen(marks[i].word));
		goto out;
	}
	text_puts(t, s);
out:
	text_puts(t, "\n");
	free(s);
}

static void put_lines(struct text *t, const struct ui *ui, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\n");

		put_said(t, ui, s, len);
		s += len + (s[len] == '\n');
	}
}

static void put_diagnostics(struct text *t, const struct ui *ui,
			    const cJSON *event)
{
	const cJSON *d;

	cJSON_ArrayForEach(d, json_at(event, "diagnostics"))
	{
		struct text line = {0};

		text_puts(&line, json_str(d, "file"));
		if (json_int(d, "line", 0) > 0)
			text_printf(&line, ":%d", json_int(d, "line", 0));
		if (json_int(d, "column", 0) > 0)
			text_printf(&line, ":%d", json_int(d, "column", 0));
		text_printf(&line, ": %s: %s", json_str(d, "severity"),
			    json_str(d, "message"));
		put_lines(t, ui, line.s);
		text_free(&line);
	}
}

static void report_live(struct text *t, const struct ui *ui, const cJSON *event,
			bool brief)
{
	report_modules(t, ui, event);
	text_puts(t, " ");
	ui_put(t, ui, UI_GOOD, "live");
	put_times(t, ui, event);
	put_reach(t, event);
	text_puts(t, "\n");
	report_state(t, ui, event);
	if (brief)
		return;
	put_diagnostics(t, ui, event);
	put_refusals(t, ui, event);
	put_lines(t, ui, json_str(event, "message"));
}

static int count_errors(const cJSON *event)
{
	const cJSON *d;
	int n = 0;

	cJSON_ArrayForEach(d, json_at(event, "diagnostics")) n +=
	    strstr(json_str(d, "severity"), "error") != NULL;
	return n;
}

static void report_error(struct text *t, const struct ui *ui,
			 const cJSON *event, bool brief)
{
	const char *said = json_str(event, "message");
	int n = count_errors(event);

	report_modules(t, ui, event);
	text_puts(t, " ");
	ui_put(t, ui, UI_BAD, "not built");
	if (n > 0)
		text_printf(t, ": %d error%s", n, n == 1 ? "" : "s");
	text_puts(t, "; the old code runs on\n");
	if (brief)
		return;
	if (*said)
		put_lines(t, ui, said);
	else
		put_diagnostics(t, ui, event);
}

/* Whether all targets gave the same answer, so that one line tells it. */
static bool same_answer(const cJSON *targets)
{
	const cJSON *first = targets ? targets->child : NULL, *target;

	cJSON_ArrayForEach(target, targets)
	{
		if (strcmp(json_str(target, "reason"),
			   json_str(first, "reason")) != 0 ||
		    strcmp(json_str(target, "message"),
			   json_str(first, "message")) != 0)
			return false;
	}
	return first != NULL;
}

static void report_refused(struct text *t, const struct ui *ui,
			   const cJSON *event, bool brief)
{
	const cJSON *targets = json_at(event, "targets");
	const char *message = json_str(event, "message");
	int n = cJSON_GetArraySize(targets);

	report_modules(t, ui, event);
	text_puts(t, " ");
	if (same_answer(targets)) {
		ui_put(t, ui, UI_BAD, "refused");
		text_puts(t, ": ");
		put_refusal(t, ui, targets->child);
		text_printf(t, "; the old code runs on in ");
		if (n == 1)
			text_printf(t, "pid %d",
				    json_int(targets->child, "pid", 0));
		else
			text_printf(t, "%d processes", n);
		text_puts(t, "\n");
	} else {
		ui_put(t, ui, UI_BAD, "refused");
		ui_put(t, ui, UI_PLAIN, "%s%s", *message ? ": " : "", message);
		text_puts(t, "; the old code runs on\n");
		if (!brief)
			put_refusals(t, ui, event);
	}
	if (!brief)
		put_diagnostics(t, ui, event);
}

static void report_unchanged(struct text *t, const struct ui *ui,
			     const cJSON *event, bool brief)
{
	(void)brief;
	report_modules(t, ui, event);
	ui_put(t, ui, UI_DIM, " unchanged: same code, nothing to load");
	text_puts(t, "\n");
}

/* A kind whose whole text is in its message. */
static void report_message(struct text *t, const struct ui *ui,
			   const cJSON *event, bool brief)
{
	const char *kind = json_str(event, "kind");
	const char *message = json_str(event, "message");

	(void)brief;
	ui_put(t, ui, UI_PLAIN, "%s", *message ? message : kind);
	text_puts(t, "\n");
}

/* Of a target that came, the message is its program; if it cannot be loaded
 * into, the target's own says why. */
static void report_attached(struct text *t, const struct ui *ui,
			    const cJSON *event, bool brief)
{
	const cJSON *targets = json_at(event, "targets");
	const cJSON *target = targets ? targets->child : NULL;
	const char *program = path_base(json_str(event, "message"));

	(void)brief;
	text_puts(t, "attached to ");
	ui_put(t, ui, UI_NAME, "%s%s", program, *program ? ", " : "");
	text_printf(t, "pid %d", json_int(target, "pid", 0));
	if (*json_str(target, "message")) {
		text_puts(t, ", but ");
		ui_put(t, ui, UI_BAD, "cannot load into it");
		ui_put(t, ui, UI_PLAIN, ": %s", json_str(target, "message"));
	}
	text_puts(t, "\n");
}

static void report_lost(struct text *t, const struct ui *ui, const cJSON *event,
			bool brief)
{
	const cJSON *targets = json_at(event, "targets");
	const cJSON *target = targets ? targets->child : NULL;

	(void)brief;
	text_printf(t, "pid %d is gone", json_int(target, "pid", 0));
	if (*json_str(event, "message"))
		ui_put(t, ui, UI_DIM, ": %s", json_str(event, "message"));
	text_puts(t, "\n");
}

static const struct {
	const char *kind;
	bool failure;
	void (*report)(struct text *t, const struct ui *ui, const cJSON *event,
		       bool brief);
} kinds[] = {
    {"live", false, report_live},
    {"error", true, report_error},
    {"refused", true, report_refused},
    {"unchanged", false, report_unchanged},
    {"target-attached", false, report_attached},
    {"target-lost", false, report_lost},
    {"held", false, report_held},
    {"purged", false, report_purged},
    {"exited", false, report_exited},
    {"overflow", false, report_message},
    {"notice", false, report_message},
};

static int find_kind(const cJSON *event)
{
	const char *kind = json_str(event, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].kind, kind))
			return i;
	return -1;
}

void report_event(struct text *t, const struct ui *ui, const cJSON *event,
		  bool brief)
{
	int i = find_kind(event);

	if (i < 0)
		return;
	kinds[i].report(t, ui, event, brief);
}

bool report_is_failure(const cJSON *event)
{
	const cJSON *targets = json_at(event, "targets");
	int i = find_kind(event);

	if (i < 0)
		return false;
	return kinds[i].failure ||
	       (kinds[i].report == report_live &&
		count_ok(targets) < cJSON_GetArraySize(targets));
}
