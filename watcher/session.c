/* SPDX-License-Identifier: MIT
 *
 * See session.h.
 *
 * A session never trusts its target: a process that is stopped in a debugger
 * does not answer, one that is killed closes in the middle of a message, and
 * the socket may be someone else's. So a load has a time limit (its late
 * answer is still used: the modules are read again when it comes), the peer's
 * uid is checked, and what it says is read with json_*, which cannot fail.
 *
 * The struct lives until its last handle has closed: pipe and timer count in
 * HANDLES.
 */
#include "watcher/session.h"

#include "protocol/rpc.h"
#include "watcher/jsonget.h"
#include "watcher/peer.h"
#include "watcher/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct session_call {
	struct session *session;
	session_load_cb *done; /* NULL: it was answered, by the timer */
	void *arg;
};

static const struct hw_rpc_method methods[5];

/* --- the end ------------------------------------------------------------- */

static void load_lost(struct session *s);

static void handle_closed(uv_handle_t *h)
{
	struct session *s = h->data;

	if (--s->handles > 0)
		return;
	load_lost(s);
	hw_rpc_free(s->rpc);
	session_modules_clear(s);
	free(s->path);
	free(s->program);
	free(s->manifest);
	free(s->root);
	free(s->reason);
	free(s);
}

/* A load under way is answered "lost" before anybody hears of the end. */
static void begin_close(struct session *s)
{
	s->closing = true;
	hw_rpc_close(s->rpc);
	uv_close((uv_handle_t *)&s->pipe, handle_closed);
	uv_close((uv_handle_t *)&s->timer, handle_closed);
}

void session_close(struct session *s)
{
	if (!s->closing)
		begin_close(s);
}

static void lose(struct session *s, bool refused, const char *why)
{
	char *reason;

	if (s->closing)
		return;
	reason = xstrdup(why); /* it may be part of what close frees */
	begin_close(s);
	s->callbacks->lost(s, refused, reason, s->arg);
	free(reason);
}

/* --- asking -------------------------------------------------------------- */

static void ask_modules(struct session *s);

static void modules_told(const cJSON *result, const cJSON *error, void *arg)
{
	struct session *s = arg;

	s->asking = false;
	if (s->closing)
		return;
	if (!result) {
		lose(s, false, json_str(error, "message"));
		return;
	}
	s->silent = false;
	session_modules_take(s, result);
	if (s->ask_again)
		ask_modules(s);
	if (!s->ready) {
		s->ready = true;
		if (!s->loading)
			uv_timer_stop(&s->timer);
		s->callbacks->ready(s, s->arg);
	} else {
		s->callbacks->changed(s, s->arg);
	}
}

static void ask_modules(struct session *s)
{
	s->ask_again = s->asking;
	if (s->asking || s->closing)
		return;
	s->asking = true;
	if (hw_rpc_call(s->rpc, "code/allLoaded", NULL, modules_told, s) < 0)
		s->asking = false;
}

static void hello_told(const cJSON *result, const cJSON *error, void *arg)
{
	struct session *s = arg;

	if (s->closing)
		return;
	if (!result) {
		lose(s, false, json_str(error, "message"));
		return;
	}
	s->program = xstrdup(json_str(result, "program"));
	s->manifest = xstrdup(json_str(result, "manifest"));
	s->root = xstrdup(json_str(result, "root"));
	s->reason = xstrdup(json_str(result, "reason"));
	s->reloadable = json_true(result, "reloadable");
	ask_modules(s);
}

void session_refresh(struct session *s)
{
	if (s->ready && !s->loading && !s->closing)
		ask_modules(s);
}

/* Somebody, perhaps not us, loaded something. */
static void loaded_notified(struct hw_request *req, const cJSON *params,
			    void *user)
{
	(void)req;
	(void)params;
	session_refresh(user);
}

static void pass_on(struct session *s, const char *method, const cJSON *params)
{
	if (s->ready && !s->closing)
		s->callbacks->told(s, method, params, s->arg);
}

/* A place is free again, and perhaps a file. */
static void purged_notified(struct hw_request *req, const cJSON *params,
			    void *user)
{
	(void)req;
	session_refresh(user);
	pass_on(user, "code/purged", params);
}

static void holders_notified(struct hw_request *req, const cJSON *params,
			     void *user)
{
	(void)req;
	pass_on(user, "code/holdersChanged", params);
}

static void exited_notified(struct hw_request *req, const cJSON *params,
			    void *user)
{
	(void)req;
	pass_on(user, "process/exited", params);
}

static const struct hw_rpc_method methods[5] = {
    {"code/loaded", loaded_notified},
    {"code/purged", purged_notified},
    {"code/holdersChanged", holders_notified},
    {"process/exited", exited_notified},
    {NULL, NULL},
};

/* --- the pipe ------------------------------------------------------------ */

struct outgoing {
	uv_write_t req;
	char data[];
};

static void written(uv_write_t *req, int status)
{
	struct session *s = req->data;

	free(req);
	if (status < 0 && status != UV_ECANCELED)
		lose(s, false, uv_strerror(status));
}

static void pipe_write(const void *data, size_t len, void *user)
{
	struct session *s = user;
	struct outgoing *o = xmalloc(sizeof(*o) + len);
	uv_buf_t buf = uv_buf_init(o->data, len);

	memcpy(o->data, data, len);
	o->req.data = s;
	if (s->closing ||
	    uv_write(&o->req, (uv_stream_t *)&s->pipe, &buf, 1, written) < 0)
		free(o);
}

static void pipe_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct session *s = h->data;

	(void)hint;
	*buf = uv_buf_init(s->buf, sizeof(s->buf));
}

static void pipe_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct session *s = stream->data;

	if (n < 0)
		lose(s, false, n == UV_EOF ? "it ended" : uv_strerror((int)n));
	else if (n > 0 && hw_rpc_feed(s->rpc, buf->base, n) < 0)
		lose(s, false, "it sent what is not JSON-RPC");
}

/* --- time ---------------------------------------------------------------- */

static void load_answer(struct session_call *c, const struct session_answer *a)
{
	struct session *s = c->session;
	session_load_cb *done = c->done;

	c->done = NULL;
	s->loading = NULL;
	uv_timer_stop(&s->timer);
	done(s, a, c->arg);
}

/* One that was begun when the session was closing already. */
static void load_lost(struct session *s)
{
	const struct session_answer a = {.reason = "lost",
					 .message = "the target has ended"};

	struct session_call *c = s->loading;

	if (!c)
		return;
	load_answer(c, &a);
	free(c); /* it was never sent */
}

static void timed_out(uv_timer_t *t);

static void expect_answer(struct session *s, unsigned more_ms)
{
	s->overdue = false;
	uv_timer_start(&s->timer, timed_out, s->answer_ms + more_ms, 0);
}

static void timed_out(uv_timer_t *t)
{
	struct session *s = t->data;
	struct session_answer a = {
	    .reason = "no_answer",
	    .message = "the target does not answer; is it stopped?"};

	if (!s->overdue) { /* we may have been the ones who were stopped */
		s->overdue = true;
		uv_timer_start(t, timed_out, 1, 0);
		return;
	}
	s->silent = true;
	if (s->loading)
		load_answer(s->loading, &a);
	else if (!s->ready)
		lose(s, false, a.message);
}

/* --- connecting ---------------------------------------------------------- */

static void connected(uv_connect_t *req, int status)
{
	struct session *s = req->data;

	if (s->closing)
		return;
	if (status < 0) {
		lose(s, status == UV_ECONNREFUSED || status == UV_ENOENT,
		     uv_strerror(status));
		return;
	}
	if (!peer_allowed(&s->pipe)) {
		lose(s, false, "the socket belongs to another user");
		return;
	}
	uv_read_start((uv_stream_t *)&s->pipe, pipe_alloc, pipe_read);
	expect_answer(s, 0);
	if (hw_rpc_call(s->rpc, "code/hello", NULL, hello_told, s) < 0)
		lose(s, false, "out of memory");
}

struct session *session_open(uv_loop_t *loop, const char *path, int pid,
			     unsigned answer_ms,
			     const struct session_callbacks *callbacks,
			     void *arg)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	s->pid = pid;
	s->answer_ms = answer_ms;
	s->callbacks = callbacks;
	s->arg = arg;
	s->rpc = hw_rpc_new(methods, pipe_write, s);
	uv_pipe_init(loop, &s->pipe, 0);
	uv_timer_init(loop, &s->timer);
	s->pipe.data = s->timer.data = s->connect.data = s;
	s->handles = 2;
	uv_pipe_connect(&s->connect, &s->pipe, path, connected);
	return s;
}

/* --- loading ------------------------------------------------------------- */

static void loaded_take(struct session_loaded *l, const cJSON *o)
{
	l->module = json_str(o, "module");
	l->hash = json_str(o, "hash");
	l->version = json_int(o, "version", 0);
	l->said = o;
}

static void answer_ok(struct session_call *c, const cJSON *result)
{
	const cJSON *list = json_at(result, "modules"), *o;
	size_t n = list ? cJSON_GetArraySize(list) : 1;
	struct session_answer a = {.ok = true};

	a.loaded = xcalloc(n, sizeof(*a.loaded));
	if (!list)
		loaded_take(&a.loaded[a.nloaded++], result);
	cJSON_ArrayForEach(o, list)
	{
		loaded_take(&a.loaded[a.nloaded++], o);
	}
	for (size_t i = 0; i < a.nloaded; i++)
		session_module_current(c->session, &a.loaded[i]);
	load_answer(c, &a);
	free(a.loaded);
}

static void answer_error(struct session_call *c, const cJSON *error)
{
	const cJSON *data = json_at(error, "data");
	struct session_answer a = {0};

	a.reason = json_str(data, "reason");
	a.module = json_str(data, "module");
	a.symbol = json_str(data, "symbol");
	a.message = json_str(data, "message");
	if (json_int(error, "code", 0) == HW_RPC_CLOSED)
		a.reason = "lost";
	if (!*a.reason)
		a.reason = "badfile";
	if (!*a.message)
		a.message = json_str(error, "message");
	if (!*a.module)
		a.module = NULL;
	if (!*a.symbol)
		a.symbol = NULL;
	load_answer(c, &a);
}

static void load_told(const cJSON *result, const cJSON *error, void *arg)
{
	struct session_call *c = arg;

	if (!c->session->closing)
		ask_modules(c->session);
	if (c->done && result)
		answer_ok(c, result);
	else if (c->done)
		answer_error(c, error);
	free(c);
}

static cJSON *item_json(const struct session_item *item)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", item->module);
	cJSON_AddStringToObject(o, "file", item->file);
	return o;
}

/* What is not said is as the target has it. */
static void add_manner(cJSON *params, const struct session_manner *manner)
{
	if (manner->on_held)
		cJSON_AddStringToObject(params, "on_held", manner->on_held);
	if (manner->deadline_ms)
		cJSON_AddNumberToObject(params, "deadline_ms",
					manner->deadline_ms);
	if (manner->force)
		cJSON_AddBoolToObject(params, "force", true);
	if (manner->extra)
		cJSON_AddStringToObject(params, "extra", manner->extra);
}

void session_load(struct session *s, const struct session_item *items, size_t n,
		  const struct session_manner *manner, session_load_cb *done,
		  void *arg)
{
	struct session_call *c = xmalloc(sizeof(*c));
	cJSON *params, *list;

	*c = (struct session_call){s, done, arg};
	s->loading = c;
	if (n == 1) {
		params = item_json(items);
	} else {
		params = cJSON_CreateObject();
		list = cJSON_AddArrayToObject(params, "modules");
		for (size_t i = 0; i < n; i++)
			cJSON_AddItemToArray(list, item_json(&items[i]));
	}
	add_manner(params, manner);
	expect_answer(s, manner->deadline_ms);
	if (hw_rpc_call(s->rpc, n == 1 ? "code/load" : "code/atomicLoad",
			params, load_told, c) < 0)
		uv_timer_start(&s->timer, timed_out, 0, 0);
}

/* --- anything else ------------------------------------------------------- */

int session_ask(struct session *s, const char *method, cJSON *params,
		void (*done)(const cJSON *result, const cJSON *error,
			     void *arg),
		void *arg)
{
	if (s->closing || !s->ready) {
		cJSON_Delete(params);
		return -1;
	}
	return hw_rpc_call(s->rpc, method, params, done, arg);
}
