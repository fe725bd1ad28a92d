/* SPDX-License-Identifier: MIT
 *
 * See lsp-wire.h. One handle that reads and one that writes, which for a
 * socket are the same. What is written is copied: an editor that is busy reads
 * later. One that does not read at all is given up before it fills our memory.
 *
 * client.c was not used here: it waits for its answers, and a server must
 * answer the editor while a load takes its time.
 */
#include "watcher/lsp-wire.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

#define BEHIND_MAX                                                \
	(64u << 20) /* bytes that the other side may leave unread \
		     */

struct wire {
	uv_pipe_t in, other, *out; /* OUT is one of the two */
	uv_connect_t connect;
	struct hw_rpc *rpc;
	const struct wire_callbacks *callbacks;
	void *arg;
	int handles;
	bool over, closed; /* down was called; wire_close was */
	char buf[65536];
};

static void over(struct wire *w, const char *why)
{
	if (w->over || w->closed)
		return;
	w->over = true;
	uv_read_stop((uv_stream_t *)&w->in);
	w->callbacks->down(why, w->arg);
}

struct outgoing {
	uv_write_t req;
	char data[];
};

static void written(uv_write_t *req, int status)
{
	struct wire *w = req->data;

	free(req);
	if (status < 0)
		over(w, uv_strerror(status));
	else if (w->callbacks->drained && !w->closed && !wire_is_behind(w))
		w->callbacks->drained(w->arg);
}

bool wire_is_behind(const struct wire *w)
{
	return uv_stream_get_write_queue_size((uv_stream_t *)w->out) > 0;
}

static void on_write(const void *data, size_t len, void *user)
{
	struct wire *w = user;
	struct outgoing *o;
	uv_buf_t buf;

	if (w->closed || w->over)
		return;
	if (uv_stream_get_write_queue_size((uv_stream_t *)w->out) >
	    BEHIND_MAX) {
		over(w, "the other side does not read");
		return;
	}
	o = xmalloc(sizeof(*o) + len);
	memcpy(o->data, data, len);
	o->req.data = w;
	buf = uv_buf_init(o->data, len);
	if (uv_write(&o->req, (uv_stream_t *)w->out, &buf, 1, written) < 0)
		free(o);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct wire *w = h->data;

	(void)hint;
	*buf = uv_buf_init(w->buf, sizeof(w->buf));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct wire *w = stream->data;

	if (n == UV_EOF)
		over(w, "the other side closed the connection");
	else if (n < 0)
		over(w, uv_strerror((int)n));
	else if (n > 0 && hw_rpc_feed(w->rpc, buf->base, n) < 0)
		over(w, "what the other side says cannot be followed");
}

struct wire *wire_new(uv_loop_t *loop, const struct hw_rpc_method *methods,
		      const struct wire_callbacks *callbacks, void *arg)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->callbacks = callbacks;
	w->arg = arg;
	w->rpc = hw_rpc_new(methods, on_write, w);
	if (!w->rpc)
		abort(); /* as xmalloc does */
	uv_pipe_init(loop, &w->in, 0);
	uv_pipe_init(loop, &w->other, 0);
	w->in.data = w->other.data = w;
	w->out = &w->in;
	w->handles = 2;
	return w;
}

static int open_end(uv_pipe_t *pipe, int fd, const char *name, char **err)
{
	int r = uv_guess_handle(fd) == UV_NAMED_PIPE ? uv_pipe_open(pipe, fd)
						     : UV_EINVAL;

	return r < 0 ? fail(err, "its %s is no pipe and no socket", name) : 0;
}

int wire_open(struct wire *w, int in, int out, char **err)
{
	w->out = &w->other;
	if (open_end(&w->in, in, "input", err) < 0 ||
	    open_end(&w->other, out, "output", err) < 0)
		return -1;
	uv_read_start((uv_stream_t *)&w->in, on_alloc, on_read);
	return 0;
}

static void connected(uv_connect_t *c, int status)
{
	struct wire *w = c->data;

	if (w->closed)
		return;
	if (status < 0) {
		over(w, uv_strerror(status));
		return;
	}
	uv_read_start((uv_stream_t *)&w->in, on_alloc, on_read);
	w->callbacks->up(w->arg);
}

void wire_connect(struct wire *w, const char *path)
{
	w->connect.data = w;
	uv_pipe_connect(&w->connect, &w->in, path, connected);
}

static void handle_closed(uv_handle_t *h)
{
	struct wire *w = h->data;

	if (--w->handles)
		return;
	hw_rpc_free(w->rpc);
	free(w);
}

void wire_close(struct wire *w)
{
	if (!w || w->closed)
		return;
	w->closed = true;
	hw_rpc_close(w->rpc);
	uv_close((uv_handle_t *)&w->in, handle_closed);
	uv_close((uv_handle_t *)&w->other, handle_closed);
}

struct hw_rpc *wire_rpc(struct wire *w)
{
	return w->rpc;
}

void *wire_arg(const struct wire *w)
{
	return w->arg;
}
