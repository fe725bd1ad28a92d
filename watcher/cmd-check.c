/* SPDX-License-Identifier: MIT
 *
 * hotwatch check: whether a running program could take a newer build, for a
 * person and for a gate in CI. It asks no watcher and no process: two builds
 * are compared as they lie there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/check.h"
#include "watcher/paths.h"
#include "watcher/settings.h"

/* --- formats -------------------------------------------------------------- */

static const struct format {
	const char *name;
	void (*put)(struct text *t, const struct check_result *r);
} formats[] = {
    {"text", NULL}, /* in colour, perhaps */
    {"json", check_put_json},
    {"sarif", check_put_sarif},
    {"junit", check_put_junit},
    {"github", check_put_github},
};

static const struct format *format_of(const struct options *o)
{
	const char *name = options_value(o, "format");

	if (!name)
		name = o->json ? "json" : "text";
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

static void print_result(const struct options *o, const struct format *format,
			 const struct check_result *r)
{
	struct text out = {0};
	struct ui ui;

	ui_open(&ui, STDOUT_FILENO, o->color);
	if (format->put)
		format->put(&out, r);
	else
		check_put_text(&out, &ui, r);
	ask_print(&out);
}

/* --- a folder for what is linked ------------------------------------------ */

static char *scratch_make(char **err)
{
	const char *tmp = getenv("TMPDIR");
	char *path =
	    xasprintf("%s/hotwatch-check-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (mkdtemp(path))
		return path;
	fail(err, "%s: cannot be made", path);
	free(path);
	return NULL;
}

static void scratch_remove(char *path)
{
	if (path)
		tree_remove(path);
	free(path);
}

/* --- the comparison ------------------------------------------------------- */

/* SETTINGS stay until the result was printed: it points into them. */
static int suppress(struct check_result *r, struct settings *s, bool whole,
		    char **err)
{
	char *path = r->root ? path_join(r->root, "hotwatch.json") : NULL;
	int e = path ? settings_read(s, path, err) : 0;

	if (path && e == 0)
		check_suppress(r, s, path, check_today(), whole);
	free(path);
	return e;
}

static int compare_builds(const struct options *o, const char *scratch,
			  struct check_result *r, bool *whole, char **err)
{
	struct check_operand was = {0}, is = {0};
	int e = check_operand_open(&is, o->operands[1], NULL, scratch, err);

	if (e == 0)
		e = check_operand_open(&was, o->operands[0],
				       is.side.whole ? NULL
						     : is.side.modules[0].name,
				       scratch, err);
	if (e == 0)
		e = check_compare(&was.side, &is.side, r, err);
	if (e == 0) {
		char *here = path_real(".");

		r->root = is.root ? xstrdup(is.root) : path_project(here);
		if (!r->root)
			r->root = xstrdup(here);
		free(here);
	}
	*whole = is.side.whole;
	check_operand_free(&was);
	check_operand_free(&is);
	return e;
}

static int compare(const struct options *o, const char *scratch,
		   struct check_result *r, bool *whole, char **err)
{
	const char *range = options_value(o, "git");

	if (!range)
		return compare_builds(o, scratch, r, whole, err);
	*whole = true;
	return check_git(range, o->operands[0], scratch, r, err);
}

/* Findings first: what was found stays true, whatever else is not known. */
static int status_of(const struct check_result *r)
{
	if (check_result_count(r, CHECK_ERROR) ||
	    check_result_count(r, CHECK_WARNING))
		return STATUS_REFUSED;
	return r->nunknown ? STATUS_UNASKED : STATUS_DONE;
}

static int check(const struct options *o, const struct format *format)
{
	struct check_result r = {0};
	struct settings settings;
	char *err = NULL, *scratch = scratch_make(&err);
	bool whole = false;
	int status;

	settings_init(&settings);
	if (scratch && compare(o, scratch, &r, &whole, &err) == 0 &&
	    suppress(&r, &settings, whole, &err) == 0) {
		print_result(o, format, &r);
		status = status_of(&r);
	} else {
		status = ask_fail(o, STATUS_UNASKED, "badfile", "%s", err);
	}
	check_result_free(&r);
	settings_free(&settings);
	scratch_remove(scratch);
	free(err);
	return status;
}

static int exec_check(struct options *o)
{
	const struct format *format = format_of(o);

	if (!format)
		return ask_fail(o, STATUS_USAGE, "usage",
				"--format is text, json, sarif, junit or "
				"github");
	if (options_given(o, "git") ? o->noperands > 1 : o->noperands != 2)
		return ask_fail(o, STATUS_USAGE, "usage",
				"give OLD and NEW, or --git BASE[..HEAD] and "
				"perhaps one program");
	return check(o, format);
}

static const struct option_spec options[] = {
    {"git", 'g', "BASE[..HEAD]",
     "compare commits, or BASE and the files as "
     "they are"},
    {"format", 'f', "FORMAT", "text, json, sarif, junit or github"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_check_entry = {
    .name = "check",
    .operands = "OLD NEW | --git BASE[..HEAD] [PROGRAM]",
    .help = "whether a running program could take a newer build",
    .about =
	"Compares two builds of a module or of a program, and tells what an\n"
	"upgrade of the running program would break, lose, or convert.\n\n"
	"OLD and NEW are objects (.o) of hotwatch cc, programs that it "
	"linked,\n"
	"or their PROGRAM.hot. hotwatch.json may suppress findings, with a\n"
	"reason and a day on which that ends; docs/rules.md explains each.\n\n"
	"With --git, two commits are compared: the modules of the hot-built\n"
	"PROGRAM (or of all programs of the repository) that read a file that\n"
	"differs are compiled on both sides, as they were compiled for it.\n\n"
	"exit status: 0 safe; 1 findings; 2 usage; 3 could not be checked",
    .options = options,
    .max = 2,
    .exec = exec_check,
};
