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
#include "watcher/release.h"
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

/* What a release is made of; two programs, and not two objects. */
static int keep_programs(const struct check_operand *was,
			 const struct check_operand *is, const char *const *o,
			 struct check_kept *k, char **err)
{
	if (!was->side.whole || !is->side.whole)
		return fail(err, "a release leads from one program to another; "
				 "give programs, not objects");
	k->program = xstrdup(path_base(o[0]));
	if (ends_with(k->program, ".hot"))
		k->program[strlen(k->program) - 4] = '\0';
	k->from = xstrdup(o[0]);
	k->to = xstrdup(o[1]);
	return check_kept_programs(k, was, is, err);
}

static int compare_builds(const struct options *o, const char *scratch,
			  struct check_kept *kept, struct check_result *r,
			  bool *whole, char **err)
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
	if (e == 0 && kept)
		e = keep_programs(&was, &is, (const char *const *)o->operands,
				  kept, err);
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
		   struct check_kept *kept, struct check_result *r, bool *whole,
		   char **err)
{
	const char *range = options_value(o, "git");

	if (!range)
		return compare_builds(o, scratch, kept, r, whole, err);
	*whole = true;
	return check_git(range, o->operands[0], scratch, kept, r, err);
}

/* Findings first: what was found stays true, whatever else is not known. */
static int status_of(const struct check_result *r)
{
	if (check_result_count(r, CHECK_ERROR) ||
	    check_result_count(r, CHECK_WARNING))
		return STATUS_REFUSED;
	return r->nunknown ? STATUS_UNASKED : STATUS_DONE;
}

/* --- a release ------------------------------------------------------------ */

static int write_release(const struct options *o, const struct check_kept *k,
			 char **err)
{
	struct release *r;
	int e = release_make(&r, k, options_value(o, "write-release"), err);

	if (e < 0)
		return -1;
	e = release_write(r, err);
	release_free(r);
	return e;
}

/* 0, or -1 and *err; without the option, 0 and nothing is kept. */
static int kept_folder(const struct options *o, char **folder, char **err)
{
	const char *path = options_value(o, "write-release");

	*folder = path ? release_folder(path) : NULL;
	return *folder ? make_dirs(*folder, 0755, err) : 0;
}

/* --- all ------------------------------------------------------------------ */

static int check(const struct options *o, const struct format *format)
{
	char *err = NULL, *folder, *scratch = tree_temporary("check", &err);
	int e = kept_folder(o, &folder, &err), status;
	struct check_kept kept = {.folder = folder};
	struct check_result r = {0};
	struct settings settings;
	bool whole = false;

	settings_init(&settings);
	if (!scratch)
		e = -1;
	if (e == 0)
		e = compare(o, scratch, folder ? &kept : NULL, &r, &whole,
			    &err);
	if (e == 0 && folder)
		e = write_release(o, &kept, &err);
	if (e == 0)
		e = suppress(&r, &settings, whole, &err);
	if (e == 0) {
		print_result(o, format, &r);
		status = status_of(&r);
	} else {
		status = ask_fail(o, STATUS_UNASKED, "badfile", "%s", err);
	}
	check_kept_free(&kept);
	check_result_free(&r);
	settings_free(&settings);
	if (scratch)
		tree_remove(scratch);
	free(scratch);
	free(folder);
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
    {"write-release", 'w', "FILE",
     "also write a release, for hotwatch upgrade"},
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
