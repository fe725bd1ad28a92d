/* SPDX-License-Identifier: MIT
 *
 * See lsp-link.h. If the project has no watcher, the engine is opened in this
 * process, for other editors and the command line to attach to; when that
 * process ends, the others race for the project and one of them has it
 * (follow.c does the same for commands). Either way this is a client of the
 * project's socket, its own engine's too: one way for all that is asked, and
 * no difference that a test could miss.
 *
 * A watcher that is only starting or ending holds the project but does not
 * answer, so attaching is tried again until it works: after RETRY_MS, and
 * after SETTINGS_MS if what is wrong is for the user to mend.
 */
#include "watcher/lsp-link.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/engine.h"
#include "watcher/jsonget.h"
#include "watcher/lsp-wire.h"
#include "watcher/util.h"

#define RETRY_MS 10
#define SETTINGS_MS 500

struct lsp_link {
	uv_loop_t *loop;
	char *root;
	const struct lsp_link_callbacks *callbacks;
	void *arg;
	struct engine *engine; /* ours, or NULL */
	struct wire *wire;     /* to the watcher; NULL: between two attempts */
	uv_timer_t retry;
	bool up, told_down, catching_up, closing;
	double seen; /* seq of the last event that was told */
};

static void attach(struct lsp_link *l);

static void on_retry(uv_timer_t *timer)
{
	attach(timer->data);
}

static void fail_link(struct lsp_link *l, const char *why, unsigned again_ms)
{
	bool tell = !l->told_down;

	wire_close(l->wire);
	l->wire = NULL;
	l->up = false;
	l->told_down = true;
	uv_timer_start(&l->retry, on_retry, again_ms, 0);
	if (tell)
		l->callbacks->down(why, l->arg);
}

/* --- events -------------------------------------------------------------- */

static void take(struct lsp_link *l, const cJSON *event)
{
	double seq = json_num(event, "seq", 0);

	if (seq > 0 && seq <= l->seen)
		return;
	if (seq > 0)
		l->seen = seq;
	l->callbacks->event(event, l->arg);
}

/* What is told until the log has come is in the log, too. */
static void on_event(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp_link *l = wire_arg(user);

	(void)req;
	if (!l->catching_up)
		take(l, params);
}

static const struct hw_rpc_method methods[] = {
    {"watch/event", on_event},
    {NULL, NULL},
};

static void on_log(const cJSON *result, const cJSON *error, void *arg)
{
	struct lsp_link *l = arg;
	const cJSON *event;

	if (error || l->closing)
		return; /* it goes down, which is told */
	l->catching_up = false;
	cJSON_ArrayForEach(event, json_at(result, "events")) take(l, event);
	l->callbacks->caught_up(l->arg);
}

/* --- finding or starting it ---------------------------------------------- */

static void on_up(void *arg)
{
	struct lsp_link *l = arg;
	struct hw_rpc *rpc = wire_rpc(l->wire);

	l->up = true;
	l->told_down = false;
	l->catching_up = true;
	l->seen = 0;
	l->callbacks->up(l->arg);
	hw_rpc_call(rpc, "watch/subscribe", NULL, NULL, NULL);
	hw_rpc_call(rpc, "watch/log", NULL, on_log, l);
}

static void on_down(const char *why, void *arg)
{
	struct lsp_link *l = arg;
	char *text = xasprintf("the watcher of %s is gone: %s", l->root, why);

	/* one that does not listen yet is no news */
	if (l->up)
		fail_link(l, text, RETRY_MS);
	else {
		wire_close(l->wire);
		l->wire = NULL;
		uv_timer_start(&l->retry, on_retry, RETRY_MS, 0);
	}
	free(text);
}

static void connect_to(struct lsp_link *l)
{
	static const struct wire_callbacks callbacks = {.up = on_up,
							.down = on_down};
	char *runtime, *socket, *err = NULL;

	if (runtime_dir(&runtime, &err) < 0) {
		fail_link(l, err, SETTINGS_MS);
		free(err);
		return;
	}
	socket = engine_socket(runtime, l->root);
	l->wire = wire_new(l->loop, methods, &callbacks, l);
	wire_connect(l->wire, socket);
	free(socket);
	free(runtime);
}

static void ignore_event(const struct event *e, void *arg)
{
	(void)e; /* it comes through the socket */
	(void)arg;
}

static void attach(struct lsp_link *l)
{
	static const struct engine_callbacks callbacks = {.event =
							      ignore_event};
	struct engine_options options = {.serve = true, .programs = true};
	char *err = NULL;
	int r = 0;

	if (!l->engine)
		r = engine_open(&l->engine, l->loop, l->root, &options,
				&callbacks, l, &err);
	if (r == ENGINE_ERROR)
		fail_link(l, err, SETTINGS_MS);
	else
		connect_to(l);
	free(err);
}

struct lsp_link *lsp_link_open(uv_loop_t *loop, const char *root,
			       const struct lsp_link_callbacks *callbacks,
			       void *arg)
{
	struct lsp_link *l = xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->root = xstrdup(root);
	l->callbacks = callbacks;
	l->arg = arg;
	uv_timer_init(loop, &l->retry);
	l->retry.data = l;
	uv_timer_start(&l->retry, on_retry, 0, 0);
	return l;
}

static void closed(uv_handle_t *h)
{
	struct lsp_link *l = h->data;

	free(l->root);
	free(l);
}

void lsp_link_close(struct lsp_link *l)
{
	if (!l)
		return;
	l->closing = true;
	l->up = false;
	wire_close(l->wire);
	if (l->engine)
		engine_close(l->engine, NULL, NULL);
	uv_close((uv_handle_t *)&l->retry, closed);
}

int lsp_link_ask(struct lsp_link *l, const char *method, cJSON *params,
		 hw_rpc_done *done, void *arg)
{
	if (!l || !l->up) {
		cJSON_Delete(params);
		return -1;
	}
	return hw_rpc_call(wire_rpc(l->wire), method, params, done, arg);
}
