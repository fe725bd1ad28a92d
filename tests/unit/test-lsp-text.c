/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"
#include "watcher/lsp-text.h"
#include "watcher/util.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void check_uri(const char *path, const char *uri)
{
	char *made = lsp_uri(path), *back = lsp_path(uri);

	CHECK_STR_EQ(made, uri);
	CHECK_STR_EQ(back, path);
	free(made);
	free(back);
}

static void uris(void)
{
	char *path;

	check_uri("/a/b-c_d.~e", "file:///a/b-c_d.~e");
	check_uri("/a b/100%/#?", "file:///a%20b/100%25/%23%3F");
	check_uri("/\303\274", "file:///%C3%BC");
	path = lsp_path("file://localhost/a%3ab%2");
	CHECK_STR_EQ(path, "/a:b%2");
	free(path);
	CHECK_STR_EQ(lsp_path("untitled:1"), NULL);
}

static int character(const struct lsp_file *f, unsigned line, unsigned byte)
{
	cJSON *o = lsp_position(f, line, byte);
	int n = cJSON_GetObjectItem(o, "character")->valueint;

	cJSON_Delete(o);
	return n;
}

static void utf16(void)
{
	struct lsp_file f;

	/* one, two, three and four bytes; then two that are no UTF-8 */
	lsp_file_parse(&f, xstrdup("a\303\274\342\202\254\360\237\230\200b\n"
				   "\377\303x\r\n"));
	CHECK_INT_EQ(f.n, 2);
	CHECK_INT_EQ(character(&f, 0, 1), 1);
	CHECK_INT_EQ(character(&f, 0, 3), 2);
	CHECK_INT_EQ(character(&f, 0, 6), 3);
	CHECK_INT_EQ(character(&f, 0, 10), 5);
	CHECK_INT_EQ(character(&f, 0, 99), 6);
	CHECK_INT_EQ(character(&f, 1, 2), 2);
	CHECK_INT_EQ(character(&f, 1, 99), 3);
	CHECK_INT_EQ(character(&f, 7, 4), 4);
	lsp_file_free(&f);
}

/* "LINE:FROM-TO" of the range at LINE and COLUMN. */
static void check_range(const struct lsp_file *f, unsigned line,
			unsigned column, const char *want)
{
	cJSON *o = lsp_range(f, line, column);
	const cJSON *start = cJSON_GetObjectItem(o, "start");
	const cJSON *end = cJSON_GetObjectItem(o, "end");
	char *got =
	    xasprintf("%d:%d-%d", cJSON_GetObjectItem(start, "line")->valueint,
		      cJSON_GetObjectItem(start, "character")->valueint,
		      cJSON_GetObjectItem(end, "character")->valueint);

	CHECK_STR_EQ(got, want);
	free(got);
	cJSON_Delete(o);
}

static void ranges(void)
{
	struct lsp_file f;

	lsp_file_parse(&f, xstrdup("\tint abc = 1;\n\nx"));
	check_range(&f, 1, 6, "0:5-8");
	check_range(&f, 1, 10, "0:9-10");
	check_range(&f, 1, 0, "0:1-13");
	check_range(&f, 2, 1, "1:0-0");
	check_range(&f, 3, 1, "2:0-1");
	check_range(&f, 0, 0, "0:1-13");
	check_range(&f, 9, 3, "8:2-2");
	lsp_file_free(&f);
}

static void check_line(const char *source, unsigned want)
{
	struct lsp_file f;

	lsp_file_parse(&f, xstrdup(source));
	CHECK_INT_EQ(lsp_find(&f, "flag"), want);
	lsp_file_free(&f);
}

static void definitions(void)
{
	check_line("int other;\nint flag;\n", 2);
	check_line("int f(void) { return flag; }\nint flag;\n", 2);
	check_line("/* flag\n * flag */\n// flag\nint flag;\n", 4);
	check_line("#define X flag \\\n flag\nint flag;\n", 3);
	check_line("char *s = \"flag \\\" flag\";\nchar c = '\"';\nint flag;",
		   3);
	check_line("int flags, a_flag;\nstatic int flag[3];", 2);
	check_line("static int flag(void);\nint flag(void)\n{\n}\n", 2);
	check_line("int f(int flag);\nextern int flag;\nint flag;\n", 3);
	check_line("int f(int flag);\nint (*flag)(void);\n", 2);
	check_line("int f(int flag);\nextern int flag;\n", 2);
	check_line("int f(void)\n{\n\tstatic int flag;\n}\n", 3);
	check_line("void f(void)\n{\n\tstatic int flag;\n}\n", 3);
	check_line("", 0);
	check_line("/* flag", 0);
	check_line("\"flag\\", 0);
}

static const struct check tests[] = {
    {"a path and its URI are each other's", uris},
    {"positions count UTF-16, whatever the bytes", utf16},
    {"a range is the word, or the line", ranges},
    {"a name is found where it is defined", definitions},
};
CHECK_MAIN(tests)
