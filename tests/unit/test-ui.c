/* SPDX-License-Identifier: MIT
 *
 * What a person reads: colours, widths, times, tables (watcher/ui.h,
 * watcher/table.h) and the words for events (watcher/report.h).
 */
#include "watcher/ui.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "watcher/report.h"
#include "watcher/table.h"

static const struct ui plain = {0};
static const struct ui colored = {.color = true};

/* --- ui ------------------------------------------------------------------ */

static void colors_wrap_only_when_wanted(void)
{
	struct text t = {0};

	ui_put(&t, &plain, UI_BAD, "no %d", 1);
	CHECK_STR_EQ(t.s, "no 1");
	text_free(&t);
	ui_put(&t, &colored, UI_BAD, "no %d", 1);
	CHECK_STR_EQ(t.s, "\033[1;31mno 1\033[0m");
	text_free(&t);
	ui_put(&t, &colored, UI_PLAIN, "as is");
	CHECK_STR_EQ(t.s, "as is");
	text_free(&t);
}

static void control_characters_cannot_act(void)
{
	struct text t = {0};

	ui_put(&t, &plain, UI_PLAIN, "%s", "a\033[2Jb\rc\nd\x7f\xc3\xa4");
	CHECK_STR_EQ(t.s, "a?[2Jb?c?d?\xc3\xa4");
	text_free(&t);
}

/* --color by NO_COLOR by TERM, on a terminal and not on one. */
static void color_follows_the_rules(void)
{
	static const struct {
		const char *term, *no_color;
		enum ui_color when;
		bool terminal, color;
	} cases[] = {
	    {"xterm", NULL, UI_AUTO, true, true},
	    {"xterm", "", UI_AUTO, true, true},
	    {"xterm", "1", UI_AUTO, true, false},
	    {"dumb", NULL, UI_AUTO, true, false},
	    {NULL, NULL, UI_AUTO, true, false},
	    {"xterm", NULL, UI_AUTO, false, false},
	    {"xterm", NULL, UI_NEVER, true, false},
	    {"dumb", "1", UI_ALWAYS, false, true},
	};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int tty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct ui ui;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].term)
			setenv("TERM", cases[i].term, 1);
		else
			unsetenv("TERM");
		if (cases[i].no_color)
			setenv("NO_COLOR", cases[i].no_color, 1);
		else
			unsetenv("NO_COLOR");
		ui_open(&ui, cases[i].terminal ? tty : null, cases[i].when);
		if (!CHECK_INT_EQ(ui.color, cases[i].color))
			printf("# in case %zu\n", i);
	}
	close(tty);
	close(null);
}

static void columns_are_what_is_seen(void)
{
	CHECK_INT_EQ(ui_columns(""), 0);
	CHECK_INT_EQ(ui_columns("abc"), 3);
	CHECK_INT_EQ(ui_columns("\xc3\xa4\xe2\x82\xac"), 2);
	CHECK_INT_EQ(ui_columns("\033[1;31mabc\033[0m"), 3);
	CHECK_INT_EQ(ui_columns("\033["), 0);
}

static void ago(int64_t ms, const char *want)
{
	char *s = ui_ago(1000000000000 - ms, 1000000000000);

	CHECK_STR_EQ(s, want);
	free(s);
}

static void times_past_are_rounded_down(void)
{
	ago(-5000, "just now");
	ago(999, "just now");
	ago(1000, "1 s ago");
	ago(59999, "59 s ago");
	ago(60000, "1 min ago");
	ago(3599000, "59 min ago");
	ago(3600000, "1 h ago");
	ago(86400000, "1 day ago");
	ago(3 * 86400000ll, "3 days ago");
}

static void takes(double ms, const char *want)
{
	char *s = ui_duration(ms);

	CHECK_STR_EQ(s, want);
	free(s);
}

static void durations_have_three_digits_at_most(void)
{
	takes(0, "0 ms");
	takes(0.44, "0.4 ms");
	takes(9.94, "9.9 ms");
	takes(9.96, "10 ms");
	takes(182.4, "182 ms");
	takes(9999, "9999 ms");
	takes(12340, "12.3 s");
	takes(125000, "2 min 5 s");
}

static void columns_line_up(void)
{
	static const char *const heads[] = {"A", "LONG", "Z", NULL};
	struct text t = {0};
	struct table table;

	table_init(&table, heads);
	table_cell(&table, UI_NAME, "%s", "\xc3\xa4\xc3\xa4\xc3\xa4");
	table_cell(&table, UI_PLAIN, "%d", 1);
	table_cell(&table, UI_PLAIN, "end");
	table_cell(&table, UI_NAME, "b");
	table_cell(&table, UI_PLAIN, "%s", "");
	table_cell(&table, UI_PLAIN, "e");
	table_put(&t, &plain, &table);
	CHECK_STR_EQ(t.s, "A    LONG  Z\n"
			  "\xc3\xa4\xc3\xa4\xc3\xa4  1     end\n"
			  "b    -     e\n");
	text_free(&t);
	table_free(&table);
}

/* --- events -------------------------------------------------------------- */

static void says_with(const struct ui *ui, bool brief, const char *json,
		      const char *want)
{
	cJSON *event = cJSON_Parse(json);
	struct text t = {0};

	if (!CHECK(event != NULL))
		printf("# bad JSON in the test: %s\n", json);
	report_event(&t, ui, event, brief);
	CHECK_STR_EQ(t.s ? t.s : "", want);
	text_free(&t);
	cJSON_Delete(event);
}

static void says(const char *json, const char *want)
{
	says_with(&plain, false, json, want);
}

static void a_reload_is_one_line(void)
{
	says("{\"kind\": \"live\", \"modules\": [\"src/server\"], \"version\": "
	     "3, \"ms\": {\"wait\": 3, \"compile\": 160.2, \"link\": 14, "
	     "\"load\": 2.13, \"total\": 182}, \"targets\": [{\"pid\": 4711, "
	     "\"ok\": true, \"versions\": {\"src/server\": 3}}]}",
	     "src/server v3 live in 182 ms (wait 3.0, compile 160, link 14, "
	     "load 2.1) in pid 4711\n");
}

static void a_set_names_its_modules(void)
{
	says("{\"kind\": \"live\", \"modules\": [\"a\", \"b\"], \"targets\": "
	     "[{\"pid\": 1, \"ok\": true, \"versions\": {\"a\": 1, \"b\": "
	     "4}}]}",
	     "a v1 and b v4 live in pid 1\n");
	says("{\"kind\": \"live\", \"modules\": [\"a\", \"b\", \"c\", \"d\"], "
	     "\"targets\": [{\"pid\": 1, \"ok\": true, \"versions\": {\"a\": "
	     "1, \"b\": 4}}, {\"pid\": 2, \"ok\": true}]}",
	     "a v1, b v4 and 2 more live in 2 processes\n");
}

static void one_that_refused_is_named(void)
{
	says("{\"kind\": \"live\", \"modules\": [\"a\"], \"version\": 2, "
	     "\"targets\": [{\"pid\": 1, \"ok\": true, \"versions\": {\"a\": "
	     "2}}, {\"pid\": 2, \"ok\": "
	     "false, \"reason\": \"unsafe\", \"message\": \"n grew\"}]}",
	     "a v2 live in 1 of 2 processes\n  pid 2: unsafe: n grew\n");
}

static void versions_that_differ_are_left_out(void)
{
	says("{\"kind\": \"live\", \"modules\": [\"a\"], \"version\": 4, "
	     "\"targets\": [{\"pid\": 1, \"ok\": true, \"versions\": {\"a\": "
	     "4}}, {\"pid\": 2, \"ok\": true, \"versions\": {\"a\": 1}}]}",
	     "a live in 2 processes\n");
}

static void a_refusal_says_what_runs(void)
{
	says("{\"kind\": \"refused\", \"modules\": [\"a\"], \"targets\": "
	     "[{\"pid\": 7, \"ok\": false, \"reason\": \"unsafe\", "
	     "\"message\": \"n grew\"}], \"diagnostics\": [{\"file\": "
	     "\"/p/a.c\", \"line\": 3, \"severity\": \"error\", \"message\": "
	     "\"n\"}]}",
	     "a refused: unsafe: n grew; the old code runs on in pid 7\n"
	     "/p/a.c:3: error: n\n");
	says("{\"kind\": \"refused\", \"modules\": [\"a\"], \"message\": "
	     "\"does not link\", \"targets\": []}",
	     "a refused: does not link; the old code runs on\n");
}

static void a_compiler_is_quoted(void)
{
	const char *event =
	    "{\"kind\": \"error\", \"modules\": [\"a\"], \"message\": "
	    "\"a.c:1:2: error: no\\n  here\\n\", \"diagnostics\": "
	    "[{\"severity\": \"error\"}, {\"severity\": \"note\"}, "
	    "{\"severity\": \"fatal error\"}]}";

	says(event, "a not built: 2 errors; the old code runs on\n"
		    "a.c:1:2: error: no\n  here\n");
	says_with(&plain, true, event,
		  "a not built: 2 errors; the old code runs on\n");
	says_with(&colored, false,
		  "{\"kind\": \"error\", \"modules\": [\"a\"], \"message\": "
		  "\"a.c:1:2: error: no\"}",
		  "\033[1ma\033[0m \033[1;31mnot built\033[0m; the old code "
		  "runs on\na.c:1:2:\033[1;31m error: \033[0mno\n");
}

static void the_rest_is_told_in_a_line(void)
{
	says("{\"kind\": \"unchanged\", \"modules\": [\"a\"]}",
	     "a unchanged: same code, nothing to load\n");
	says("{\"kind\": \"target-attached\", \"message\": \"/p/x\", "
	     "\"targets\": [{\"pid\": 7, \"ok\": true}]}",
	     "attached to x, pid 7\n");
	says("{\"kind\": \"target-attached\", \"targets\": [{\"pid\": 7, "
	     "\"ok\": false, \"message\": \"no arena\"}]}",
	     "attached to pid 7, but cannot load into it: no arena\n");
	says("{\"kind\": \"target-lost\", \"message\": \"it ended\", "
	     "\"targets\": [{\"pid\": 7}]}",
	     "pid 7 is gone: it ended\n");
	says("{\"kind\": \"notice\", \"message\": \"polling\"}", "polling\n");
	says("{\"kind\": \"building\", \"modules\": [\"a\"]}", "");
	says("{\"kind\": \"of the future\"}", "");
}

static void what_is_missing_is_left_out(void)
{
	says("{\"kind\": \"live\"}", "(no module) live\n");
	says("{\"kind\": \"live\", \"modules\": [\"a\"], \"version\": \"x\", "
	     "\"ms\": [], \"targets\": 5}",
	     "a live\n");
	says("{\"kind\": \"error\", \"modules\": \"a\", \"message\": 1}",
	     "(no module) not built; the old code runs on\n");
	says("{\"kind\": \"refused\", \"targets\": [{}]}",
	     "(no module) refused: failed; the old code runs on in pid 0\n");
}

static bool fails(const char *json)
{
	cJSON *event = cJSON_Parse(json);
	bool failure = report_is_failure(event);

	cJSON_Delete(event);
	return failure;
}

static void failures_are_told_from_successes(void)
{
	CHECK(!fails("{\"kind\": \"live\", \"targets\": [{\"ok\": true}]}"));
	CHECK(fails("{\"kind\": \"live\", \"targets\": [{\"ok\": true}, "
		    "{\"ok\": false}]}"));
	CHECK(fails("{\"kind\": \"error\"}"));
	CHECK(fails("{\"kind\": \"refused\"}"));
	CHECK(!fails("{\"kind\": \"unchanged\"}"));
	CHECK(!fails("{}"));
}

static const struct check tests[] = {
    {"colours are put only when wanted", colors_wrap_only_when_wanted},
    {"control characters cannot act on the terminal",
     control_characters_cannot_act},
    {"--color, NO_COLOR and TERM decide", color_follows_the_rules},
    {"a text is as wide as it looks", columns_are_what_is_seen},
    {"times past are rounded down", times_past_are_rounded_down},
    {"durations are short", durations_have_three_digits_at_most},
    {"a table's columns line up", columns_line_up},
    {"a reload is one line", a_reload_is_one_line},
    {"a set names its modules", a_set_names_its_modules},
    {"a process that refused is named", one_that_refused_is_named},
    {"versions that differ are left out", versions_that_differ_are_left_out},
    {"a refusal says what runs on", a_refusal_says_what_runs},
    {"a compiler is quoted as it spoke", a_compiler_is_quoted},
    {"other events are one line or none", the_rest_is_told_in_a_line},
    {"what a message lacks is left out", what_is_missing_is_left_out},
    {"failures are told from successes", failures_are_told_from_successes},
};
CHECK_MAIN(tests)
