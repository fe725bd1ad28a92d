/* SPDX-License-Identifier: MIT
 *
 * hotwatch lsp: a language server on stdin and stdout, for editors to start.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "watcher/ask.h"
#include "watcher/lsp-internal.h"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

struct serving {
	struct lsp lsp; /* first: over is called with it */
	uv_loop_t loop;
	uv_signal_t signals[ARRAY_SIZE(ends)];
	bool closing;
	int status;
};

static void stop(struct serving *v, int status)
{
	if (v->closing)
		return;
	v->closing = true;
	v->status = status;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		uv_close((uv_handle_t *)&v->signals[i], NULL);
	lsp_close(&v->lsp);
}

static void on_over(struct lsp *s, int status)
{
	stop((struct serving *)s, status);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	stop(handle->data, 128 + signum);
}

/* An editor that dies closes its end; that it did not say exit is no error of
 * ours to report, but the protocol wants a status. */
static void on_down(const char *why, void *arg)
{
	(void)why;
	stop(arg, STATUS_REFUSED);
}

static void on_drained(void *arg)
{
	struct serving *v = arg;

	lsp_problems_go_on(&v->lsp);
}

static int exec_lsp(struct options *o)
{
	static const struct wire_callbacks callbacks = {.down = on_down,
							.drained = on_drained};
	struct serving v = {.lsp = {.over = on_over}};
	char *err = NULL;

	uv_loop_init(&v.loop);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		uv_signal_init(&v.loop, &v.signals[i]);
		v.signals[i].data = &v;
		uv_signal_start(&v.signals[i], on_signal, ends[i]);
	}
	lsp_open(&v.lsp, &v.loop);
	v.lsp.editor = wire_new(&v.loop, lsp_methods, &callbacks, &v);
	if (wire_open(v.lsp.editor, STDIN_FILENO, STDOUT_FILENO, &err) < 0)
		stop(&v, ask_fail(o, STATUS_USAGE, "usage",
				  "%s: it is started by an editor; "
				  "docs/editors.md says how",
				  err));
	uv_run(&v.loop, UV_RUN_DEFAULT);
	uv_loop_close(&v.loop);
	free(err);
	return v.status;
}

const struct command cmd_lsp_entry = {
    .name = "lsp",
    .help = "a language server on stdin and stdout, for editors",
    .about =
	"Speaks the Language Server Protocol on stdin and stdout, beside the\n"
	"language server that the editor has already: it knows no C, only\n"
	"what runs. What does not compile, what was refused and who holds\n"
	"old code are diagnostics at their lines; versions are code lenses;\n"
	"load, purge and rollback are commands. It attaches to the project's\n"
	"watcher, or is it.\n\n"
	"exit status: 0 after shutdown and exit, 1 after anything else",
    .exec = exec_lsp,
};
