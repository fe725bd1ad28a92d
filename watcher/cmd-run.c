/* SPDX-License-Identifier: MIT
 *
 * hotwatch run: runs a hot-built program in the foreground and loads what is
 * saved into it; a line a reload on stderr.
 *
 * The program is a child on the same terminal and keeps its own stdin, stdout
 * and stderr. This process ends when that child ends, with its status, also
 * if the child left a daemon behind: whoever starts `server --daemonize` gets
 * the prompt back. The daemon is a target of its own; the last line says so
 * and how to go on watching it. (Staying for as long as any descendant lives
 * was considered; scripts that start daemons would hang.)
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/binary.h"
#include "watcher/child.h"
#include "watcher/follow.h"
#include "watcher/jsonget.h"
#include "watcher/kin.h"
#include "watcher/project.h"
#include "watcher/screen.h"

#define ATTACH_MS 5000 /* a program that is hot has its socket in 5 ms */

struct run {
	const struct options *o;
	char *path, *root;
	unsigned long long started; /* of kin_started */
	bool hot; /* it is a target itself, not what it starts */
	bool attached;
	uv_loop_t loop;
	uv_timer_t late; /* it did not attach */
	struct screen screen;
	struct follow follow;
	struct child child;
};

/*
 * Programs that fork come and go by the hundred, so of attaching only the
 * program's own is told, once; and any that cannot be loaded into.
 */
static bool wants_attached(struct run *r, const cJSON *event)
{
	const cJSON *targets = json_at(event, "targets");
	const cJSON *t = targets ? targets->child : NULL;
	bool first = !r->attached;

	if (!kin_descends(json_int(t, "pid", 0), getpid()))
		return false;
	r->attached = true;
	uv_timer_stop(&r->late);
	return first || *json_str(t, "message");
}

static bool wants(const cJSON *event, void *arg)
{
	const char *kind = json_str(event, "kind");

	if (!strcmp(kind, "target-attached"))
		return wants_attached(arg, event);
	return strcmp(kind, "target-lost") != 0;
}

static void on_lost(const char *why, void *arg)
{
	struct run *r = arg;

	screen_say(&r->screen, UI_BAD,
		   "not watching any more: %s; the program runs on", why);
}

static void on_late(uv_timer_t *timer)
{
	struct run *r = timer->data;

	screen_say(&r->screen, UI_WARN,
		   "pid %d has not attached, so nothing will be loaded into "
		   "it; `hotwatch doctor %s` may say why",
		   (int)r->child.pid, r->path);
}

static void say_background(struct run *r)
{
	pid_t pid = 0;
	int n = 0;

	if (r->child.status == 0)
		n = kin_background(r->path, r->started, &pid);
	if (n == 1)
		screen_say(&r->screen, UI_PLAIN,
			   "%s runs on in the background as pid %d; "
			   "`hotwatch watch %s` loads what you save into it",
			   path_base(r->path), (int)pid, r->root);
	else if (n > 1)
		screen_say(&r->screen, UI_PLAIN,
			   "%s runs on in the background, in %d processes; "
			   "`hotwatch watch %s` loads what you save into them",
			   path_base(r->path), n, r->root);
}

static void close_all(struct run *r)
{
	follow_close(&r->follow);
	screen_close(&r->screen);
	uv_close((uv_handle_t *)&r->late, NULL);
}

static void on_ended(struct child *c, void *arg)
{
	struct run *r = arg;

	screen_clear(&r->screen);
	say_background(r);
	child_close(c);
	close_all(r);
}

static int run_child(struct run *r, char **err)
{
	int signal = child_told_to_end();

	if (signal) {
		close_all(r);
		r->child.status = 128 + signal;
		return 0;
	}
	r->child.done = on_ended;
	r->child.arg = r;
	if (child_start(&r->child, &r->loop, r->path, r->o->operands, err) <
	    0) {
		close_all(r);
		return -1;
	}
	r->started = kin_started(r->child.pid);
	if (r->hot)
		uv_timer_start(&r->late, on_late, ATTACH_MS, 0);
	return 0;
}

/* The watcher first: then no change is missed, and a mistake in the settings
 * is told before the program's first line. */
static int run(struct run *r)
{
	const char *reason = "failed";
	char *err = NULL;
	int status = 0;

	uv_loop_init(&r->loop);
	uv_timer_init(&r->loop, &r->late);
	r->late.data = r;
	screen_open(&r->screen, &r->loop);
	r->follow = (struct follow){.loop = &r->loop,
				    .root = r->root,
				    .screen = &r->screen,
				    .wanted = wants,
				    .lost = on_lost,
				    .arg = r};
	if (follow_open(&r->follow, &reason, &err) < 0) {
		status = ask_fail(r->o, STATUS_UNASKED, reason, "%s", err);
		screen_close(&r->screen);
		uv_close((uv_handle_t *)&r->late, NULL);
	} else if (run_child(r, &err) < 0) {
		status = ask_fail(r->o, STATUS_UNASKED, "nofile", "%s", err);
	}
	uv_run(&r->loop, UV_RUN_DEFAULT);
	uv_loop_close(&r->loop);
	free(err);
	return status ? status : r->child.status;
}

/* Finds the program and its project. 0, or the exit status. */
static int prepare(struct run *r)
{
	const struct options *o = r->o;
	enum binary_kind kind;
	char *err = NULL;
	int status = 0;

	r->path = binary_find(o->operands[0], &err);
	if (!r->path) {
		status = ask_fail(o, STATUS_UNASKED, "nofile", "%s", err);
		goto out;
	}
	kind = binary_kind(r->path, &r->root, &err);
	r->hot = kind == BINARY_HOT;
	if (kind != BINARY_HOT && kind != BINARY_SCRIPT &&
	    !options_given(o, "any")) {
		status = ask_fail(o, STATUS_UNASKED, "not_hot", "%s", err);
		goto out;
	}
	free(err);
	err = NULL;
	if (!r->root && !(r->root = project_root(NULL, NULL, &err)))
		status = ask_fail(o, STATUS_UNASKED, "no_project", "%s", err);
out:
	free(err);
	return status;
}

static int exec_run(struct options *o)
{
	struct run r = {.o = o};
	int status;

	child_prepare();
	r.screen = (struct screen){.fd = STDERR_FILENO,
				   .json = o->json,
				   .quiet = options_given(o, "quiet"),
				   .shared = true};
	ui_open(&r.screen.ui, r.screen.fd, o->color);
	status = prepare(&r);
	if (status == 0)
		status = run(&r);
	free(r.path);
	free(r.root);
	return status;
}

static const struct option_spec run_options[] = {
    {"quiet", 'q', NULL, "print only what did not work"},
    {"any", 0, NULL, "run it though it is not hot-built: it starts what is"},
    {NULL, 0, NULL, NULL},
};

const struct command cmd_run_entry = {
    .name = "run",
    .operands = "[--] PROGRAM [ARG...]",
    .help = "run a hot-built program, and load what you save into it",
    .about =
	"Runs PROGRAM in the foreground, with the terminal, the files and the\n"
	"signals that it would have without hotwatch. Every save of one of\n"
	"its sources is compiled and loaded into it; a line on stderr says\n"
	"what happened (with --json, an object a line).\n\n"
	"Ends when PROGRAM ends, with its exit status, or 128 + the signal\n"
	"that ended it; 3 if it cannot be run or is not hot-built. If PROGRAM\n"
	"goes into the background, `hotwatch watch` goes on watching it.",
    .options = run_options,
    .min = 1,
    .max = -1,
    .program = true,
    .exec = exec_run,
};
