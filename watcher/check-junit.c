/* SPDX-License-Identifier: MIT
 *
 * Findings as JUnit's XML: a testsuite a file, a testcase a finding, named
 * RULE_line_column (the column is not known: 1). Warnings and errors are
 * failures; what is only told passes, its message is in the suite's output;
 * what could not be checked is an error. The first suite has one case that
 * passed if there was nothing: some servers take an empty report for a lost
 * one.
 *
 * Valid by all schemas that are in use, the strict one of Ant's formatter in
 * its older and newer form, and Jenkins'; hence attributes that nobody reads,
 * and no <skipped> for what is suppressed: it passes, and says why.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watcher/check.h"
#include "watcher/util.h"

/* XML has no way to write most control characters, not even escaped. */
static void put_xml(struct text *t, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (strchr("<>&\"'\n\r\t", c))
			text_printf(t, "&#%u;", c);
		else if (c < 32)
			text_puts(t, "?");
		else
			text_add(t, s, 1);
	}
}

static void put_attribute(struct text *t, const char *name, const char *s)
{
	text_printf(t, " %s=\"", name);
	put_xml(t, s);
	text_puts(t, "\"");
}

static const char *suite_of(const struct check_result *r,
			    const struct check_finding *f)
{
	return f->file ? check_shown_file(r, f->file) : f->module;
}

static void put_failure(struct text *t, const struct check_finding *f)
{
	text_puts(t, "      <failure");
	put_attribute(t, "type", check_severity_word(f->severity));
	put_attribute(t, "message", f->message);
	text_puts(t, ">");
	put_xml(t, f->rule->advice);
	text_puts(t, "</failure>\n");
}

static void put_case(struct text *t, const struct check_finding *f)
{
	char *name = xasprintf("%s_%u_1", f->rule->id, f->line);

	text_puts(t, "    <testcase");
	put_attribute(t, "name", name);
	put_attribute(t, "classname", f->module);
	text_puts(t, " time=\"0\">\n");
	if (!f->suppressed && f->severity >= CHECK_WARNING)
		put_failure(t, f);
	text_puts(t, "    </testcase>\n");
	free(name);
}

struct suite {
	const char *name;
	int id;
	size_t tests, failures, errors;
};

static void suite_count(struct suite *s, const struct check_finding *f)
{
	s->tests++;
	s->failures += !f->suppressed && f->severity >= CHECK_WARNING;
}

static void put_head(struct text *t, const struct suite *s)
{
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S",
		 gmtime_r(&now, &tm));
	text_puts(t, "  <testsuite package=\"hotwatch\"");
	put_attribute(t, "name", s->name);
	text_printf(t,
		    " id=\"%d\" timestamp=\"%s\" hostname=\"localhost\" "
		    "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		    "time=\"0\">\n"
		    "    <properties/>\n",
		    s->id, stamp, s->tests, s->failures, s->errors);
}

static void put_tail(struct text *t, const char *out)
{
	text_puts(t, "    <system-out>");
	put_xml(t, out);
	text_puts(t, "</system-out>\n    <system-err/>\n  </testsuite>\n");
}

static void put_suite(struct text *t, const struct check_result *r,
		      const char *name, int id)
{
	struct suite s = {.name = name, .id = id};
	struct text told = {0};

	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(suite_of(r, &r->findings[i]), name))
			suite_count(&s, &r->findings[i]);
	put_head(t, &s);
	for (size_t i = 0; i < r->n; i++) {
		const struct check_finding *f = &r->findings[i];

		if (strcmp(suite_of(r, f), name) != 0)
			continue;
		put_case(t, f);
		if (f->suppressed)
			text_printf(&told, "%s:%u: suppressed: %s (%s)\n", name,
				    f->line, f->message, f->suppressed);
		else if (f->severity == CHECK_INFO)
			text_printf(&told, "%s:%u: %s\n", name, f->line,
				    f->message);
	}
	put_tail(t, told.len ? told.s : "");
	text_free(&told);
}

/* The suite of all that has no place in a file. */
static void put_own_suite(struct text *t, const struct check_result *r)
{
	struct suite s = {.name = "hotwatch check",
			  .tests = r->nunknown ? r->nunknown : 1,
			  .errors = r->nunknown};

	put_head(t, &s);
	for (size_t i = 0; i < r->nunknown; i++) {
		text_puts(t, "    <testcase name=\"could-not-check\"");
		put_attribute(t, "classname", r->unknown[i].module);
		text_puts(t, " time=\"0\">\n      <error type=\"unchecked\"");
		put_attribute(t, "message", r->unknown[i].why);
		text_puts(t, "/>\n    </testcase>\n");
	}
	if (!r->nunknown)
		text_puts(t, "    <testcase name=\"compared\" "
			     "classname=\"hotwatch\" time=\"0\"/>\n");
	put_tail(t, check_verdict_word(check_result_verdict(r)));
}

void check_put_junit(struct text *t, const struct check_result *r)
{
	struct strv suites = {0};

	for (size_t i = 0; i < r->n; i++)
		if (!strv_has(&suites, suite_of(r, &r->findings[i])))
			strv_add(&suites, suite_of(r, &r->findings[i]));
	text_puts(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<testsuites>\n");
	put_own_suite(t, r);
	for (size_t i = 0; i < suites.n; i++)
		put_suite(t, r, suites.v[i], (int)i + 1);
	text_puts(t, "</testsuites>\n");
	strv_free(&suites);
}
