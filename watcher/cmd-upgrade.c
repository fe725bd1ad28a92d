/* SPDX-License-Identifier: MIT
 *
 * hotwatch upgrade, hotwatch downgrade: a release, up and down.
 *
 * The targets are asked directly, not by way of a watcher: where a release is
 * installed there is none. One that runs sees what was loaded and leaves it,
 * until somebody saves one of the modules.
 */
#include <cjson/cJSON.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/paths.h"
#include "watcher/release-internal.h"
#include "watcher/survey.h"

/* --- what is printed ------------------------------------------------------ */

static const char *summary(const struct release_apply *a)
{
	if (a->rolled_back)
		return "; every target was taken back";
	if (a->past_no_return)
		return "; the point of no return was passed: the others went "
		       "on";
	return "; nothing was changed";
}

static void print_text(const struct options *o, const struct release_apply *a)
{
	struct text out = {0};
	struct ui ui;

	ui_open(&ui, STDOUT_FILENO, o->color);
	if (a->dry_run && a->ntargets)
		release_tell_plan(&out, &ui, a);
	release_tell_targets(&out, &ui, a);
	ask_print(&out);
}

static void print(const struct options *o, const struct release_apply *a)
{
	char *why;

	if (o->json) {
		cJSON *doc = release_tell_json(a);

		ask_print_json(doc);
		cJSON_Delete(doc);
	} else {
		print_text(o, a);
	}
	if (a->ok)
		return;
	why = xasprintf("%s%s", a->message, a->ntargets ? summary(a) : "");
	ask_complain(o, a->reason, why);
	free(why);
}

/* --- doing it ------------------------------------------------------------- */

/* NULL: somebody did not answer; it may be one of those. */
static cJSON *survey(const struct options *o)
{
	char *here = path_real("."), *root = path_project(here);
	cJSON *found;
	int silent;

	found = survey_targets(o->target ? NULL : root, o->target, &silent);
	free(root);
	free(here);
	if (!silent || o->target)
		return found;
	ask_fail(o, STATUS_UNASKED, "no_answer",
		 "%d process%s did not answer, and may be of this release; "
		 "let %s run, or name the targets by --target",
		 silent, silent == 1 ? "" : "es", silent == 1 ? "it" : "them");
	cJSON_Delete(found);
	return NULL;
}

/* One that did not answer at first could not be asked: nothing was done. */
static int failed_status(const struct release_apply *a)
{
	bool first = !a->rolled_back && !a->past_no_return;

	return first && !strcmp(a->reason, "no_answer") ? STATUS_UNASKED
							: ask_status(a->reason);
}

/* Whoever wants to end this gets it when all targets are on one side: half way
 * through, processes are suspended. */
static void signals_hold(sigset_t *before)
{
	static const int held[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		sigaddset(&set, held[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

static int apply(const struct options *o, struct release_apply *a)
{
	cJSON *found = survey(o);
	sigset_t before;
	int status;

	if (!found)
		return STATUS_UNASKED;
	a->all = !o->target;
	signals_hold(&before);
	status = release_apply(a, found) == 0 ? STATUS_DONE : failed_status(a);
	sigprocmask(SIG_SETMASK, &before, NULL);
	print(o, a);
	release_apply_free(a);
	cJSON_Delete(found);
	return status;
}

static int run(const struct options *o, bool down)
{
	struct release_apply a = {.down = down,
				  .dry_run = options_given(o, "dry-run")};
	struct release *r = NULL;
	char *err = NULL;
	int status;

	if (a.dry_run)
		a.scratch = tree_temporary("upgrade", &err);
	if (a.dry_run && !a.scratch) {
		status = ask_fail(o, STATUS_UNASKED, "failed", "%s", err);
	} else if (release_read(&r, o->operands[0], &err) < 0) {
		status = ask_fail(o, STATUS_REFUSED, "badfile", "%s", err);
	} else {
		a.release = r;
		status = apply(o, &a);
	}
	if (a.scratch)
		tree_remove(a.scratch);
	free(a.scratch);
	release_free(r);
	free(err);
	return status;
}

static int exec_upgrade(struct options *o)
{
	return run(o, false);
}

static int exec_downgrade(struct options *o)
{
	return run(o, true);
}

static const struct option_spec options[] = {
    {"dry-run", 'n', NULL, "say what would be done, and whether it could"},
    {NULL, 0, NULL, NULL},
};

#define STATUSES                                                            \
	"exit status: 0 done; 1 refused, failed or taken back; 2 usage; 3 " \
	"no\n"                                                              \
	"target"

const struct command cmd_upgrade_entry = {
    .name = "upgrade",
    .operands = "FILE",
    .help = "bring running programs to the next release",
    .about =
	"Follows the instructions of a release (docs/releases.md) in every\n"
	"running process that has its modules: loads, code_changes, purges,\n"
	"in their order. All is prepared everywhere first; if one target "
	"fails\n"
	"before the point of no return, all are taken back. One that does not\n"
	"run what the release begins with is refused, and nothing is done.\n\n"
	"`hotwatch check --git A..B --write-release FILE` makes a "
	"release.\n\n" STATUSES,
    .options = options,
    .min = 1,
    .max = 1,
    .exec = exec_upgrade,
};

const struct command cmd_downgrade_entry = {
    .name = "downgrade",
    .operands = "FILE",
    .help = "bring running programs back to the release before",
    .about = "Follows the instructions of a release for the way down, as "
	     "`hotwatch\nupgrade` does those for the way up.\n\n" STATUSES,
    .options = options,
    .min = 1,
    .max = 1,
    .exec = exec_downgrade,
};
