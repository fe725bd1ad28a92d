/* SPDX-License-Identifier: MIT
 *
 * The project's socket: editors and the command line talk to the one watcher
 * of a project through it, and it is what makes it the one.
 *
 * Who holds the lock on RUNTIME/watch-HASH.lock has the project. The lock goes
 * with the process, however it ends, so a socket that is left behind is known
 * to be stale by whoever has the lock, and is removed by nobody else. The lock
 * file itself stays: to remove it would let two processes lock two files of
 * one name.
 */
#include "watcher/daemon-internal.h"

#include "watcher/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64
#define BEHIND_MAX (32u << 20) /* bytes a client may leave unread */

struct client {
	struct client *next;
	struct daemon *d; /* NULL: the daemon has closed */
	uv_pipe_t pipe;
	struct hw_rpc *rpc;
	bool subscribed;
	char buf[16384];
};

struct daemon {
	struct engine *e; /* NULL: it is closing */
	uv_pipe_t server;
	int lock;
	bool listening;
	unsigned handles;
	struct client *clients;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* --- for the methods ----------------------------------------------------- */

struct engine *daemon_engine(struct hw_request *req, void *user)
{
	struct client *c = user;

	if (c->d && c->d->e)
		return c->d->e;
	daemon_refuse(req, "closed", "the watcher has ended");
	return NULL;
}

void daemon_subscribe(void *user)
{
	struct client *c = user;

	c->subscribed = true;
}

/* --- clients ------------------------------------------------------------- */

static void client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	hw_rpc_free(c->rpc);
	free(c);
}

static void client_close(struct client *c)
{
	struct client **p;

	if (!c->d)
		return;
	for (p = &c->d->clients; *p != c;)
		p = &(*p)->next;
	*p = c->next;
	c->d = NULL;
	hw_rpc_close(c->rpc);
	uv_close((uv_handle_t *)&c->pipe, client_closed);
}

struct outgoing {
	uv_write_t req;
	char data[];
};

static void written(uv_write_t *req, int status)
{
	struct client *c = req->data;

	free(req);
	if (status < 0)
		client_close(c);
}

static void client_write(const void *data, size_t len, void *user)
{
	struct client *c = user;
	struct outgoing *o = xmalloc(sizeof(*o) + len);
	uv_buf_t buf = uv_buf_init(o->data, len);

	memcpy(o->data, data, len);
	o->req.data = c;
	if (!c->d ||
	    uv_write(&o->req, (uv_stream_t *)&c->pipe, &buf, 1, written) < 0)
		free(o);
}

static void client_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)hint;
	*buf = uv_buf_init(c->buf, sizeof(c->buf));
}

static void client_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (n < 0 || (n > 0 && hw_rpc_feed(c->rpc, buf->base, n) < 0))
		client_close(c);
}

static void connection(uv_stream_t *server, int status)
{
	struct daemon *d = server->data;
	struct client *c;

	if (status < 0 || !d->e)
		return;
	c = xcalloc(1, sizeof(*c));
	c->d = d;
	c->next = d->clients;
	d->clients = c;
	c->rpc = hw_rpc_new(daemon_methods, client_write, c);
	uv_pipe_init(server->loop, &c->pipe, 0);
	c->pipe.data = c;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) < 0 ||
	    !peer_allowed(&c->pipe) ||
	    uv_read_start((uv_stream_t *)&c->pipe, client_alloc, client_read) <
		0)
		client_close(c);
}

static bool is_behind(const struct client *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe) >
	       BEHIND_MAX;
}

/* A client that stopped reading is dropped before it fills our memory. */
void daemon_event(struct daemon *d, const struct event *ev)
{
	struct client *c, *next;

	for (c = d->clients; c; c = next) {
		next = c->next;
		if (c->subscribed && is_behind(c))
			client_close(c);
		else if (c->subscribed)
			hw_rpc_notify(c->rpc, "watch/event", event_json(ev));
	}
}

/* --- opening and closing ------------------------------------------------- */

static int lock_take(struct daemon *d, const char *socket, char **err)
{
	char *path = xstrndup(socket, strlen(socket) - strlen("sock")), *lock;
	int r = 0;

	lock = xasprintf("%slock", path);
	d->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock < 0)
		r = fail(err, "%s: %s", lock, strerror(errno));
	else if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
		fail(err, "%s: another watcher has the project %s", lock,
		     d->e->root);
		r = errno == EWOULDBLOCK ? ENGINE_BUSY : ENGINE_ERROR;
	}
	free(path);
	free(lock);
	return r;
}

static int listen_on(struct daemon *d, const char *socket, char **err)
{
	mode_t mask;
	int r;

	unlink(socket); /* we have the lock: nobody listens there */
	mask = umask(0177);
	r = uv_pipe_bind(&d->server, socket);
	umask(mask);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&d->server, BACKLOG, connection);
	return r < 0 ? fail(err, "%s: %s", socket, uv_strerror(r)) : 0;
}

static void server_closed(uv_handle_t *h)
{
	struct daemon *d = h->data;

	if (d->lock >= 0)
		close(d->lock);
	if (d->closed)
		d->closed(d->closed_arg);
	free(d);
}

int daemon_open(struct daemon **out, struct engine *e, char **err)
{
	struct daemon *d = xcalloc(1, sizeof(*d));
	char *socket = engine_socket(e->runtime, e->root);
	int r;

	d->e = e;
	d->lock = -1;
	uv_pipe_init(e->loop, &d->server, 0);
	d->server.data = d;
	r = lock_take(d, socket, err);
	if (r == 0)
		r = listen_on(d, socket, err);
	free(socket);
	if (r < 0)
		uv_close((uv_handle_t *)&d->server, server_closed);
	else
		*out = d;
	return r;
}

/* The socket goes before the lock does: libuv unlinks it in uv_close. */
void daemon_close(struct daemon *d, void (*closed)(void *arg), void *arg)
{
	d->e = NULL;
	d->closed = closed;
	d->closed_arg = arg;
	while (d->clients)
		client_close(d->clients);
	uv_close((uv_handle_t *)&d->server, server_closed);
}
