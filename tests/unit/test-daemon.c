/* SPDX-License-Identifier: MIT
 *
 * The project's socket: one watcher a project, and its methods as
 * docs/architecture.md says.
 */
#include "tests/unit/engine-fixture.h"

static struct {
	uv_pipe_t pipe;
	uv_connect_t connect;
	struct hw_rpc *rpc;
	char buf[4096];
	int status, events;
	bool up, answered, closed;
	cJSON *result, *error, *event;
} cl;

static void cl_event(struct hw_request *req, const cJSON *params, void *user)
{
	(void)req;
	(void)user;
	cl.events++;
	cJSON_Delete(cl.event);
	cl.event = cJSON_Duplicate(params, true);
}

static const struct hw_rpc_method cl_methods[] = {
    {"watch/event", cl_event},
    {NULL, NULL},
};

static void cl_written(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

static void cl_write(const void *data, size_t len, void *user)
{
	uv_write_t *req = xmalloc(sizeof(*req));
	uv_buf_t buf = uv_buf_init(xmalloc(len), len);

	(void)user;
	memcpy(buf.base, data, len);
	req->data = buf.base;
	if (uv_write(req, (uv_stream_t *)&cl.pipe, &buf, 1, cl_written) < 0)
		cl_written(req, 0);
}

static void cl_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	(void)h;
	(void)hint;
	*buf = uv_buf_init(cl.buf, sizeof(cl.buf));
}

static void cl_closed(uv_handle_t *h)
{
	(void)h;
	cl.closed = true;
}

static void cl_close(void)
{
	if (uv_is_closing((uv_handle_t *)&cl.pipe))
		return;
	hw_rpc_close(cl.rpc);
	uv_close((uv_handle_t *)&cl.pipe, cl_closed);
}

static void cl_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	(void)s;
	if (n < 0)
		cl_close();
	else
		CHECK_INT_EQ(hw_rpc_feed(cl.rpc, buf->base, n), 0);
}

static void cl_connected(uv_connect_t *req, int status)
{
	(void)req;
	cl.status = status;
	cl.up = true;
}

static void cl_open(void)
{
	char *socket = engine_socket(fx.runtime, fx.root);

	memset(&cl, 0, sizeof(cl));
	cl.rpc = hw_rpc_new(cl_methods, cl_write, NULL);
	uv_pipe_init(&fx.loop, &cl.pipe, 0);
	uv_pipe_connect(&cl.connect, &cl.pipe, socket, cl_connected);
	fx_run(&cl.up);
	CHECK_INT_EQ(cl.status, 0);
	uv_read_start((uv_stream_t *)&cl.pipe, cl_alloc, cl_read);
	free(socket);
}

static void cl_end(void)
{
	cl_close();
	fx_run(&cl.closed);
	hw_rpc_free(cl.rpc);
	cJSON_Delete(cl.result);
	cJSON_Delete(cl.error);
	cJSON_Delete(cl.event);
}

static void cl_done(const cJSON *result, const cJSON *error, void *arg)
{
	(void)arg;
	cJSON_Delete(cl.result);
	cJSON_Delete(cl.error);
	cl.result = cJSON_Duplicate(result, true);
	cl.error = cJSON_Duplicate(error, true);
	cl.answered = true;
}

static const cJSON *call(const char *method, const char *params)
{
	cl.answered = false;
	CHECK_INT_EQ(hw_rpc_call(cl.rpc, method,
				 params ? cJSON_Parse(params) : NULL, cl_done,
				 NULL),
		     0);
	fx_run(&cl.answered);
	return cl.result;
}

static struct fake *begin(void)
{
	struct fake *f;

	fx_begin();
	f = fx_two();
	fx_close();
	fx_open_as(true);
	cl_open();
	call("watch/sync", NULL);
	return f;
}

static void end(void)
{
	cl_end();
	fx_end();
}

/* --- the tests ----------------------------------------------------------- */

static void one_watcher_a_project(void)
{
	struct engine_options o = {.runtime = fx.runtime, .serve = true};
	struct engine *second = NULL;
	char *err = NULL;

	begin();
	o.runtime = fx.runtime;
	o.codeserver = FX_CODESERVER;
	CHECK_INT_EQ(engine_open(&second, &fx.loop, fx.root, &o, NULL, NULL,
				 &err),
		     ENGINE_BUSY);
	CHECK_STR_HAS(err, "another watcher has the project");
	free(err);
	fx_close();
	fx_open_as(true); /* the lock went with the first */
	cl_end();
	cl_open();
	CHECK_STR_EQ(json_str(call("watch/hello", NULL), "root"), fx.root);
	end();
}

static void socket_is_private(void)
{
	struct stat st = {0};
	char *socket;

	begin();
	socket = engine_socket(fx.runtime, fx.root);
	CHECK_INT_EQ(stat(socket, &st), 0);
	CHECK_INT_EQ(st.st_mode & 0777, 0600);
	fx_close();
	CHECK(!file_exists(socket));
	free(socket);
	end();
}

static void hello_and_status(void)
{
	const cJSON *r, *t;

	begin();
	r = call("watch/hello", NULL);
	CHECK_INT_EQ(json_int(r, "pid", 0), getpid());
	CHECK_STR_EQ(json_str(r, "root"), fx.root);
	CHECK(json_true(r, "ready"));
	put("a.c", "int a(void) { return x; }\n");
	call("watch/sync", NULL);
	r = call("watch/status", NULL);
	t = cJSON_GetArrayItem(json_at(r, "targets"), 0);
	CHECK_INT_EQ(json_int(t, "pid", 0), getpid());
	CHECK_STR_EQ(json_str(t, "name"), "p");
	CHECK_STR_EQ(json_str(t, "state"), "behind");
	CHECK_INT_EQ(json_int(t, "modules", 0), 2);
	CHECK_INT_EQ(json_int(t, "behind", 0), 1);
	t = cJSON_GetArrayItem(json_at(r, "errors"), 0);
	CHECK_STR_EQ(json_str(t, "module"), "a");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(r, "building")), 0);
	end();
}

static void modules_and_which(void)
{
	const cJSON *r, *t;

	begin();
	r = call("watch/modules", NULL);
	t = cJSON_GetArrayItem(json_at(r, "targets"), 0);
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(t, "modules")), 2);
	r = call("watch/modules", "{\"target\": \"p\"}");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(r, "targets")), 1);
	r = call("watch/modules", "{\"target\": 2}");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(r, "targets")), 0);
	r = call("watch/which", "{\"module\": \"a\"}");
	CHECK_STR_EQ(json_str(r, "source"), at("a.c"));
	t = cJSON_GetArrayItem(json_at(r, "targets"), 0);
	CHECK_INT_EQ(json_int(t, "version", -1), 0);
	CHECK(call("watch/which", "{\"module\": \"z\"}") == NULL);
	CHECK_STR_EQ(json_str(json_at(cl.error, "data"), "reason"),
		     "unknown_module");
	CHECK(call("watch/which", NULL) == NULL);
	CHECK_INT_EQ(json_int(cl.error, "code", 0), HW_RPC_INVALID_PARAMS);
	end();
}

static void load_is_answered_with_its_event(void)
{
	struct fake *f;
	const cJSON *r;

	f = begin();
	put("a.c", "int a(void) { return 5; }\n");
	r = call("watch/load", "{\"modules\": [\"a\"]}");
	CHECK(json_true(r, "ok"));
	CHECK_STR_EQ(json_str(json_at(r, "event"), "kind"), "live");
	CHECK_INT_EQ(fake_version(f, "a"), 1);
	f->refuse = "unsafe";
	put("a.c", "int a(void) { return 6; }\n");
	r = call("watch/load", "{\"modules\": [\"a\"]}");
	CHECK(!json_true(r, "ok"));
	CHECK_STR_EQ(json_str(json_at(r, "event"), "kind"), "refused");
	f->refuse = NULL;
	r = call("watch/load", "{\"modules\": [\"a\"], \"force\": true}");
	CHECK(json_true(r, "ok"));
	CHECK(call("watch/load", "{\"modules\": [1]}") == NULL);
	CHECK_INT_EQ(json_int(cl.error, "code", 0), HW_RPC_INVALID_PARAMS);
	CHECK(call("watch/nothing", NULL) == NULL);
	CHECK_INT_EQ(json_int(cl.error, "code", 0), HW_RPC_METHOD_NOT_FOUND);
	end();
}

static void subscribers_hear_and_log_remembers(void)
{
	const cJSON *r, *list;
	int n;

	begin();
	call("watch/subscribe", NULL);
	put("a.c", "int a(void) { return 5; }\n");
	call("watch/sync", NULL);
	CHECK_STR_EQ(json_str(cl.event, "kind"), "live");
	r = call("watch/log", NULL);
	list = json_at(r, "events");
	n = cJSON_GetArraySize(list);
	CHECK_STR_EQ(json_str(cJSON_GetArrayItem(list, n - 1), "kind"), "live");
	CHECK_INT_EQ(json_int(cJSON_GetArrayItem(list, n - 1), "seq", 0), n);
	r = call("watch/log", "{\"after\": 1}");
	CHECK_INT_EQ(cJSON_GetArraySize(json_at(r, "events")), n - 1);
	end();
}

static void watcher_that_ends_answers(void)
{
	begin();
	cl.answered = false;
	hw_rpc_call(cl.rpc, "watch/sync", NULL, cl_done, NULL);
	fx_close();
	fx_run(&cl.answered);
	CHECK(cl.result == NULL);
	end();
}

static const struct check tests[] = {
    {"a project has one watcher", one_watcher_a_project},
    {"the socket is its owner's only, and goes with it", socket_is_private},
    {"hello and status", hello_and_status},
    {"modules and which", modules_and_which},
    {"a load is answered with its event", load_is_answered_with_its_event},
    {"subscribers hear, the log remembers", subscribers_hear_and_log_remembers},
    {"a watcher that ends answers who waits", watcher_that_ends_answers},
};
CHECK_MAIN(tests)
