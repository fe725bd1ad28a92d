/* SPDX-License-Identifier: MIT
 *
 * hotwatch watch: watches a project in the foreground and serves all of its
 * targets. If another process does so already, its events are shown, and the
 * project is taken over when that one ends.
 */
#include <cjson/cJSON.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/follow.h"
#include "watcher/jsonget.h"
#include "watcher/project.h"
#include "watcher/screen.h"

/* What ends it; SIGHUP: the terminal was closed. */
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

struct watching {
	const struct options *o;
	char *root;
	int status;
	bool closing;
	uv_loop_t loop;
	uv_signal_t signals[ARRAY_SIZE(ends)];
	struct screen screen;
	struct follow follow;
};

static void stop(struct watching *w)
{
	if (w->closing)
		return;
	w->closing = true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		uv_close((uv_handle_t *)&w->signals[i], NULL);
	follow_close(&w->follow);
	screen_close(&w->screen);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	stop(handle->data);
}

static void on_lost(const char *why, void *arg)
{
	struct watching *w = arg;

	screen_clear(&w->screen);
	w->status = ask_fail(w->o, STATUS_UNASKED, "no_watcher", "%s", why);
	stop(w);
}

/* --- once ---------------------------------------------------------------- */

static int count_behind(const cJSON *status)
{
	const cJSON *t;
	int n = 0;

	cJSON_ArrayForEach(t, json_at(status, "targets"))
	{
		n += json_int(t, "behind", 0);
		n += !strcmp(json_str(t, "state"), "unusable");
	}
	return n;
}

/* The exit status that the project's state deserves. */
static int verdict(struct watching *w, const cJSON *status)
{
	int errors = cJSON_GetArraySize(json_at(status, "errors"));
	int targets = cJSON_GetArraySize(json_at(status, "targets"));
	int behind = count_behind(status);

	if (!status)
		return ask_fail(w->o, STATUS_UNASKED, "closed",
				"the watcher has ended");
	if (errors > 0 || behind > 0)
		return STATUS_REFUSED; /* each was told as it happened */
	if (targets == 0)
		return ask_fail(w->o, STATUS_UNASKED, "no_target",
				"no hot-built program of %s runs; start one "
				"with `hotwatch run PROGRAM`",
				w->root);
	if (!w->screen.json && !w->screen.quiet)
		screen_say(&w->screen, UI_GOOD,
			   "everything is up to date in %d process%s", targets,
			   targets == 1 ? "" : "es");
	return STATUS_DONE;
}

static void on_synced(const cJSON *result, const char *reason,
		      const char *message, void *arg)
{
	struct watching *w = arg;
	cJSON *status;

	if (w->closing)
		return; /* a signal came first */
	screen_clear(&w->screen);
	if (!result) {
		w->status =
		    ask_fail(w->o, ask_status(reason), reason, "%s", message);
	} else {
		status = follow_status(&w->follow);
		w->status = verdict(w, status);
		cJSON_Delete(status);
	}
	stop(w);
}

/* --- */

static void greet(struct watching *w)
{
	if (w->screen.json || w->screen.quiet)
		return;
	if (w->follow.engine)
		screen_say(&w->screen, UI_PLAIN, "watching %s", w->root);
	else
		screen_say(&w->screen, UI_PLAIN,
			   "following the watcher that %s has already",
			   w->root);
}

static void begin(struct watching *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		uv_signal_init(&w->loop, &w->signals[i]);
		w->signals[i].data = w;
		uv_signal_start(&w->signals[i], on_signal, ends[i]);
	}
	if (options_given(w->o, "once"))
		follow_sync(&w->follow, on_synced, w);
	else
		greet(w);
}

static int watch(struct watching *w)
{
	const char *reason = "failed";
	char *err = NULL;

	uv_loop_init(&w->loop);
	screen_open(&w->screen, &w->loop);
	w->follow = (struct follow){.loop = &w->loop,
				    .root = w->root,
				    .screen = &w->screen,
				    .lost = on_lost,
				    .arg = w};
	if (follow_open(&w->follow, &reason, &err) == 0) {
		begin(w);
	} else {
		w->status = ask_fail(w->o, STATUS_UNASKED, reason, "%s", err);
		screen_close(&w->screen);
	}
	uv_run(&w->loop, UV_RUN_DEFAULT);
	uv_loop_close(&w->loop);
	free(err);
	return w->status;
}

/* The project to watch; a folder that is named and in no project is one. */
static char *find_root(const struct options *o, char **err)
{
	const char *dir = o->operands[0];
	char *root = project_root(dir, o->target, err);

	if (!root && dir && access(dir, R_OK | X_OK) == 0 && !o->target)
		root = path_real(dir);
	return root;
}

static int exec_watch(struct options *o)
{
	struct watching w = {.o = o};
	char *err = NULL;
	int status;

	w.screen = (struct screen){.fd = STDOUT_FILENO,
				   .json = o->json,
				   .quiet = options_given(o, "quiet")};
	ui_open(&w.screen.ui, w.screen.fd, o->color);
	w.root = find_root(o, &err);
	if (w.root)
		status = watch(&w);
	else
		status =
		    ask_fail(o, STATUS_UNASKED,
			     o->target ? "no_target" : "no_project", "%s", err);
	free(w.root);
	free(err);
	return status;
}

static const struct option_spec watch_options[] = {
    {"once", 0, NULL, "bring all processes up to date, then end"},
    {"quiet", 'q', NULL, "print only what did not work"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_watch_entry = {
    .name = "watch",
    .operands = "[DIR]",
    .help = "watch a project and serve every process that runs its code",
    .about =
	"Watches the project of DIR (else of the current folder) until it is\n"
	"interrupted, and keeps every running process of it up to date with\n"
	"what is on disk. Other commands and editors attach to it. If the\n"
	"project is watched already, that watcher is followed.\n\n"
	"exit status of --once: 0 everything is live; 1 something did not\n"
	"compile or was refused; 3 no process to serve",
    .options = watch_options,
    .max = 1,
    .exec = exec_watch,
};
