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
#include "watcher/rehearse.h"
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
			 const struct check_result *r, struct check_kept *k,
			 char **err)
{
	if (!was->side.whole || !is->side.whole)
		return fail(err, "a release leads from one program to another; "
				 "give programs, not objects");
	k->program = xstrdup(path_base(o[0]));
	if (ends_with(k->program, ".hot"))
		k->program[strlen(k->program) - 4] = '\0';
	k->old = ends_with(o[0], ".hot") ? xstrndup(o[0], strlen(o[0]) - 4)
					 : xstrdup(o[0]);
	k->from = xstrdup(o[0]);
	k->to = xstrdup(o[1]);
	check_kept_along(k, r);
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
				  r, kept, err);
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

/* --- a release, and its rehearsal ----------------------------------------- */

/* What is done with a comparison beside telling it. */
struct use {
	const struct options *o;
	const char *scratch;
	char *folder;           /* of objects; NULL: nothing is kept */
	struct check_kept kept; /* with them */
};

static int use_open(struct use *u, char **err)
{
	const char *path = options_value(u->o, "write-release");

	if (path)
		u->folder = release_folder(path);
	else if (options_given(u->o, "rehearse"))
		u->folder = path_join(u->scratch, "objects");
	u->kept.folder = u->folder;
	u->kept.wants_old = options_given(u->o, "rehearse");
	return u->folder ? make_dirs(u->folder, 0755, err) : 0;
}

static int rehearse_release(const struct use *u, const struct release *rel,
			    struct check_result *r, char **err)
{
	struct rehearsal h = {
	    .release = rel,
	    .program = u->kept.old,
	    .run = options_value(u->o, "run"),
	    .command = options_value(u->o, "rehearse"),
	    .state = options_value(u->o, "state-check"),
	    .deadline_ms = 5000,
	    .scratch = u->scratch,
	    .r = r,
	};
	int e;

	if (options_given(u->o, "deadline"))
		h.deadline_ms = atoi(options_value(u->o, "deadline"));
	e = rehearse(&h, err);
	check_result_sort(r);
	return e;
}

static int use_kept(const struct use *u, struct check_result *r, char **err)
{
	const char *path = options_value(u->o, "write-release");
	struct release *rel;
	int e = 0;

	if (!u->folder || (!path && !u->kept.n))
		return 0; /* nothing differs: nothing to rehearse */
	if (release_make(&rel, &u->kept, path ? path : "the release", err) < 0)
		return -1;
	if (path)
		e = release_write(rel, err);
	if (e == 0 && options_given(u->o, "rehearse"))
		e = rehearse_release(u, rel, r, err);
	release_free(rel);
	return e;
}

/* --- all ------------------------------------------------------------------ */

static int check_in(const struct options *o, const struct format *format,
		    const char *scratch)
{
	struct use u = {.o = o, .scratch = scratch};
	struct check_result r = {0};
	struct settings settings;
	bool whole = false;
	char *err = NULL;
	int status = STATUS_UNASKED, e;

	settings_init(&settings);
	e = use_open(&u, &err);
	if (e == 0)
		e = compare(o, scratch, u.folder ? &u.kept : NULL, &r, &whole,
			    &err);
	if (e == 0)
		e = use_kept(&u, &r, &err);
	if (e == 0)
		e = suppress(&r, &settings, whole, &err);
	if (e == 0) {
		print_result(o, format, &r);
		status = status_of(&r);
	} else {
		ask_fail(o, status, "badfile", "%s", err);
	}
	check_kept_free(&u.kept);
	check_result_free(&r);
	settings_free(&settings);
	free(u.folder);
	free(err);
	return status;
}

static int check(const struct options *o, const struct format *format)
{
	char *err = NULL, *scratch = tree_temporary("check", &err);
	int status;

	if (!scratch)
		return ask_fail(o, STATUS_UNASKED, "failed", "%s", err);
	status = check_in(o, format, scratch);
	tree_remove(scratch);
	free(scratch);
	return status;
}

/* NULL, or what is wrong with the options together. */
static const char *usage_wrong(const struct options *o)
{
	const char *deadline = options_value(o, "deadline");
	char *end;

	if (options_given(o, "git") ? o->noperands > 1 : o->noperands != 2)
		return "give OLD and NEW, or --git BASE[..HEAD] and perhaps "
		       "one program";
	if (!options_given(o, "rehearse") &&
	    (options_given(o, "run") || options_given(o, "state-check") ||
	     deadline))
		return "--run, --state-check and --deadline go with "
		       "--rehearse COMMAND";
	if (deadline && (strtol(deadline, &end, 10) < 0 || *end || !*deadline))
		return "--deadline is a whole number of milliseconds";
	return NULL;
}

static int exec_check(struct options *o)
{
	const struct format *format = format_of(o);

	if (!format)
		return ask_fail(o, STATUS_USAGE, "usage",
				"--format is text, json, sarif, junit or "
				"github");
	if (usage_wrong(o))
		return ask_fail(o, STATUS_USAGE, "usage", "%s", usage_wrong(o));
	return check(o, format);
}

static const struct option_spec options[] = {
    {"git", 'g', "BASE[..HEAD]",
     "compare commits, or BASE and the files as "
     "they are"},
    {"format", 'f', "FORMAT", "text, json, sarif, junit or github"},
    {"write-release", 'w', "FILE",
     "also write a release, for hotwatch upgrade"},
    {"rehearse", 'r', "COMMAND", "run OLD and COMMAND; upgrade meanwhile"},
    {"run", 'R', "COMMAND", "how to start $HOTWATCH_PROGRAM"},
    {"state-check", 's', "COMMAND", "prints what a load must not change"},
    {"deadline", 'd', "MS", "for holders of old code to leave (5000)"},
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
	"With --rehearse, OLD is run, COMMAND is put to it (HOTWATCH_PID and\n"
	"HOTWATCH_SOCKET say where it is), and it is upgraded meanwhile, "
	"brought\n"
	"back, and upgraded again: when COMMAND calls `hotwatch "
	"rehearse-step`,\n"
	"or else in the middle of one run of it each. docs/releases.md says\n"
	"more.\n\n"
	"exit status: 0 safe; 1 findings; 2 usage; 3 could not be checked",
    .options = options,
    .max = 2,
    .exec = exec_check,
};
