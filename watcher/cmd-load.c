/* SPDX-License-Identifier: MIT
 *
 * hotwatch load: builds and loads modules now, as one atomic set. With no
 * watcher one is started for as long as that takes.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/engine.h"
#include "watcher/follow.h"
#include "watcher/jsonget.h"
#include "watcher/project.h"
#include "watcher/report.h"
#include "watcher/screen.h"

struct loading {
	const struct options *o;
	struct strv modules;
	int status;
	uv_loop_t loop;
	struct screen screen;
	struct follow follow;
};

/* The outcome comes as the answer; of the events only progress is shown. */
static bool wants_no_event(const cJSON *event, void *arg)
{
	(void)event;
	(void)arg;
	return false;
}

static void finish(struct loading *l)
{
	follow_close(&l->follow);
	screen_close(&l->screen);
}

static int print_outcome(const struct options *o, const cJSON *result)
{
	struct text out = {0};
	struct ui ui;

	if (o->json) {
		ask_print_json(result);
	} else {
		ui_open(&ui, STDOUT_FILENO, o->color);
		report_event(&out, &ui, json_at(result, "event"), false);
		ask_print(&out);
	}
	return json_true(result, "ok") ? STATUS_DONE : STATUS_REFUSED;
}

static void on_loaded(const cJSON *result, const char *reason,
		      const char *message, void *arg)
{
	struct loading *l = arg;

	screen_clear(&l->screen);
	if (result)
		l->status = print_outcome(l->o, result);
	else
		l->status =
		    ask_fail(l->o, ask_status(reason), reason, "%s", message);
	finish(l);
}

static unsigned load_flags(const struct options *o)
{
	return (options_given(o, "force") ? ENGINE_FORCE : 0) |
	       (options_given(o, "purge") ? ENGINE_KILL : 0);
}

static int load(struct loading *l, const char *root)
{
	const char *reason = "failed";
	char *err = NULL;

	uv_loop_init(&l->loop);
	screen_open(&l->screen, &l->loop);
	l->follow = (struct follow){.loop = &l->loop,
				    .root = root,
				    .screen = &l->screen,
				    .wanted = wants_no_event};
	if (follow_open(&l->follow, &reason, &err) == 0) {
		follow_load(&l->follow, (const char *const *)l->modules.v,
			    load_flags(l->o), options_value(l->o, "extra"),
			    on_loaded, l);
	} else {
		l->status = ask_fail(l->o, STATUS_UNASKED, reason, "%s", err);
		screen_close(&l->screen);
	}
	uv_run(&l->loop, UV_RUN_DEFAULT);
	uv_loop_close(&l->loop);
	free(err);
	return l->status;
}

static int exec_load(struct options *o)
{
	struct loading l = {.o = o, .screen = {.fd = STDERR_FILENO}};
	char *err = NULL, *root = project_root(NULL, o->target, &err);
	int status;

	ui_open(&l.screen.ui, l.screen.fd, o->color);
	for (int i = 0; i < o->noperands; i++)
		strv_add_own(&l.modules, ask_module_name(o->operands[i]));
	if (root)
		status = load(&l, root);
	else
		status =
		    ask_fail(o, STATUS_UNASKED,
			     o->target ? "no_target" : "no_project", "%s", err);
	strv_free(&l.modules);
	free(root);
	free(err);
	return status;
}

static const struct option_spec load_options[] = {
    {"force", 'f', NULL, "load even the same code; ask again who refused"},
    {"purge", 'p', NULL, "end processes that hold a version that must go"},
    {"extra", 'x', "TEXT", "anything that a HOT_CODE_CHANGE wants to know"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_load_entry = {
    .name = "load",
    .operands = "MODULE...",
    .help = "build and load modules now, as one atomic set",
    .about =
	"Compiles the modules, links them and loads them into every process\n"
	"of the project; if one does not compile, none is loaded. Works\n"
	"without a running watcher too.\n\n"
	"MODULE is a module's name (src/server), its last part if that is\n"
	"unique (server), or the path of its source (src/server.c).\n"
	"A process keeps two versions of a module. If threads still run the\n"
	"one that would be the third, it stays until they have left it, or,\n"
	"with --purge, hotwatch processes in it are ended (`hotwatch purge`\n"
	"says more); but only once the new code is known to be good.\n\n"
	"--target says which project is meant by one of its processes; all\n"
	"of them get the code.\n\n"
	"exit status: 0 live, or nothing had changed; 1 refused or not built;\n"
	"3 nobody to load it into",
    .options = load_options,
    .min = 1,
    .max = -1,
    .exec = exec_load,
};
