/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"
#include "watcher/diagnostics.h"
#include "watcher/util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static struct diagnostics parsed(const char *text)
{
	struct diagnostics d = {0};

	diagnostics_parse(&d, text, "/p/src");
	return d;
}

/* "file:line:column severity message", what is one diagnostic. */
static void check_one(const char *text, const char *want)
{
	struct diagnostics d = parsed(text);
	char *got = NULL;

	CHECK_INT_EQ(d.n, 1);
	if (d.n)
		got = xasprintf("%s:%u:%u %s %s",
				d.v[0].file ? d.v[0].file : "-", d.v[0].line,
				d.v[0].column, d.v[0].severity, d.v[0].message);
	CHECK_STR_EQ(got, want);
	free(got);
	diagnostics_free(&d);
}

static void places(void)
{
	check_one("a.c:3:7: error: no\n", "/p/src/a.c:3:7 error no");
	check_one("../b.h:12:1: warning: hm [-Wx]\n",
		  "/p/b.h:12:1 warning hm [-Wx]");
	check_one("/q/c.c:1: note: here", "/q/c.c:1:0 note here");
	check_one("a.c:3:7: fatal error: 'x.h' file not found\r\n",
		  "/p/src/a.c:3:7 error 'x.h' file not found");
}

static void odd_names(void)
{
	check_one("dir:4/a b.c:3:7: error: no\n",
		  "/p/src/dir:4/a b.c:3:7 error no");
	check_one("a.c:3:7: error: say: error: twice\n",
		  "/p/src/a.c:3:7 error say: error: twice");
}

static void tools(void)
{
	check_one("ld.lld: error: undefined symbol: f\n",
		  "-:0:0 error undefined symbol: f");
	check_one("clang-19: error: no such file or directory: 'a.c'\n",
		  "-:0:0 error no such file or directory: 'a.c'");
}

static void noise(void)
{
	struct diagnostics d = parsed("In file included from a.c:1:\n"
				      "./b.h:2:5: error: one\n"
				      "    2 | char *s = \": error: no\";\n"
				      "      |     ^\n"
				      "a.c:9:1: warning: two\n"
				      "1 warning and 1 error generated.\n");

	CHECK_INT_EQ(d.n, 2);
	CHECK_STR_EQ(d.v[0].file, "/p/src/b.h");
	CHECK_STR_EQ(d.v[1].message, "two");
	diagnostics_free(&d);
}

static void copies_and_json(void)
{
	struct diagnostics d = parsed("a.c:3:7: error: no\n"), e = {0};
	cJSON *o;
	char *text;

	CHECK_INT_EQ(diagnostics_merge(&e, &d), 1);
	CHECK_INT_EQ(diagnostics_merge(&e, &d), 0);
	diagnostics_free(&d);
	CHECK_INT_EQ(e.n, 1);
	o = diagnostics_json(&e);
	text = cJSON_PrintUnformatted(cJSON_GetArrayItem(o, 0));
	CHECK_STR_EQ(text, "{\"file\":\"/p/src/a.c\",\"line\":3,\"column\":7,"
			   "\"severity\":\"error\",\"message\":\"no\"}");
	cJSON_free(text);
	cJSON_Delete(o);
	diagnostics_free(&e);
}

static void errors_alone(void)
{
	char *s = diagnostics_errors("In file included from a.c:1:\n"
				     "b.h:2:5: warning: old\n"
				     "    2 | int x;\n"
				     "b.h:1:1: note: of old\n"
				     "In file included from a.c:2:\n"
				     "In file included from c.h:1:\n"
				     "d.h:7:1: error: bad\n"
				     "    7 | oops\n"
				     "d.h:3:1: note: of bad\n"
				     "a.c:9:1: warning: old too\n"
				     "2 warnings and 1 error generated.\n");

	CHECK_STR_EQ(s, "In file included from a.c:2:\n"
			"In file included from c.h:1:\n"
			"d.h:7:1: error: bad\n"
			"    7 | oops\n"
			"d.h:3:1: note: of bad\n");
	free(s);
	s = diagnostics_errors("clang: error: no such file\n");
	CHECK_STR_EQ(s, "clang: error: no such file\n");
	free(s);
}

static void old_ones_are_taken_out(void)
{
	struct diagnostics d = parsed("a.c:3:7: warning: x\n"
				      "a.c:9:7: warning: x\n"
				      "a.c:4:1: warning: y\n");
	struct diagnostics old = parsed("a.c:1:7: warning: x\n"
					"a.c:2:1: warning: z\n");

	diagnostics_subtract(&d, &old);
	CHECK_INT_EQ(d.n, 2);
	CHECK_INT_EQ(d.v[0].line, 9);
	CHECK_STR_EQ(d.v[1].message, "y");
	diagnostics_free(&d);
	diagnostics_free(&old);
}

static void fixits_are_of_what_was_said_last(void)
{
	struct diagnostics d =
	    parsed("a.c:3:7: error: expected ';'\n"
		   "    3 | x\n"
		   "fix-it:\"a.c\":{3:7-3:9}:\"a\\\"\\303\\274\\n\"\n"
		   "fix-it:\"a.c\":{3:7-3:\n"
		   "fix-it:\"a.c\n");
	const struct fixit *x = d.v[0].fixits.v;
	char *text;
	cJSON *o;

	CHECK_INT_EQ(d.n, 1);
	if (!CHECK_INT_EQ(d.v[0].fixits.n, 1))
		return;
	CHECK_STR_EQ(x->text, "a\"\303\274\n");
	o = fixits_json(&d.v[0].fixits);
	cJSON_DeleteItemFromObject(cJSON_GetArrayItem(o, 0), "text");
	text = cJSON_PrintUnformatted(o);
	CHECK_STR_EQ(text, "[{\"file\":\"/p/src/a.c\",\"line\":3,\"column\":7,"
			   "\"end_line\":3,\"end_column\":9}]");
	cJSON_free(text);
	cJSON_Delete(o);
	diagnostics_free(&d);
}

static void people_see_no_fixits(void)
{
	char said[] = "a.c:3:7: error: no\n"
		      "fix-it:\"a.c\":{3:7-3:7}:\";\"\n"
		      "1 error\n"
		      "fix-it:\"a.c\":{3:7-3:7}:\";\"";

	diagnostics_readable(said);
	CHECK_STR_EQ(said, "a.c:3:7: error: no\n1 error\n");
}

static const struct check tests[] = {
    {"a fix-it belongs to what was said last",
     fixits_are_of_what_was_said_last},
    {"people are not shown fix-its", people_see_no_fixits},
    {"a place is file, line and column", places},
    {"a name may hold colons and blanks", odd_names},
    {"a tool that names no file is still heard", tools},
    {"of an output with warnings the errors are left", errors_alone},
    {"what was there before is taken out", old_ones_are_taken_out},
    {"quoted source and includes are not diagnostics", noise},
    {"what is merged is there once, and prints", copies_and_json},
};
CHECK_MAIN(tests)
