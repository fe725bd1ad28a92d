/* SPDX-License-Identifier: MIT
 *
 * See client.h. libuv was not used here: a command that asks one question
 * and prints the answer reads better without a loop, and `hotwatch run` must
 * wait for signals and children in ways of its own.
 */
#include "watcher/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "protocol/rpc.h"
#include "watcher/jsonget.h"
#include "watcher/util.h"

struct client {
	int fd;
	int limit_ms;
	struct hw_rpc *rpc;
	bool broken; /* a write failed, or the other side closed */
	client_notified *notified;
	void *arg;
};

/* A call that is waited for. */
struct waiting {
	bool done;
	cJSON *result;
	struct client_error *error;
	int status;
};

void client_error_free(struct client_error *e)
{
	free(e->reason);
	free(e->message);
	cJSON_Delete(e->data);
	*e = (struct client_error){0};
}

static int error_set(struct client_error *e, const char *reason,
		     const char *message)
{
	client_error_free(e);
	e->reason = xstrdup(reason);
	e->message = xstrdup(message);
	return CLIENT_CLOSED;
}

static void notify(void *user, const char *method, const cJSON *params)
{
	struct client *c = user;

	if (c->notified)
		c->notified(method, params, c->arg);
}

static void on_watch_event(struct hw_request *req, const cJSON *params,
			   void *user)
{
	(void)req;
	notify(user, "watch/event", params);
}

static void on_code_loaded(struct hw_request *req, const cJSON *params,
			   void *user)
{
	(void)req;
	notify(user, "code/loaded", params);
}

static const struct hw_rpc_method methods[] = {
    {"watch/event", on_watch_event},
    {"code/loaded", on_code_loaded},
    {NULL, NULL},
};

/* Requests are short, so a blocking write cannot hang on a peer that lives:
 * it reads all the time. MSG_NOSIGNAL: a peer that died is no SIGPIPE. */
static void on_write(const void *data, size_t len, void *user)
{
	struct client *c = user;
	const char *p = data;

	while (len > 0 && !c->broken) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->broken = true;
			return;
		}
		p += n;
		len -= n;
	}
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

int client_open(struct client **c, const char *socket, int limit_ms,
		client_notified *notified, void *arg, char **err)
{
	struct client *n;
	int fd = connect_to(socket);

	if (fd < 0) {
		fail(err, "%s: %s", socket, strerror(errno));
		return CLIENT_CLOSED;
	}
	n = xcalloc(1, sizeof(*n));
	n->fd = fd;
	n->limit_ms = limit_ms;
	n->notified = notified;
	n->arg = arg;
	n->rpc = hw_rpc_new(methods, on_write, n);
	if (!n->rpc) {
		close(fd);
		free(n);
		fail(err, "out of memory");
		return CLIENT_CLOSED;
	}
	*c = n;
	return 0;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	c->notified = NULL;
	hw_rpc_close(c->rpc);
	hw_rpc_free(c->rpc);
	close(c->fd);
	free(c);
}

void client_limit(struct client *c, int limit_ms)
{
	c->limit_ms = limit_ms;
}

int client_peer(const struct client *c)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	return peer.pid;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

int client_read(struct client *c)
{
	char buf[65536];
	ssize_t n;

	do
		n = read(c->fd, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);
	if (n <= 0 || hw_rpc_feed(c->rpc, buf, n) < 0)
		c->broken = true;
	return c->broken ? CLIENT_CLOSED : 0;
}

static void on_answer(const cJSON *result, const cJSON *error, void *arg)
{
	struct waiting *w = arg;
	const cJSON *data = json_at(error, "data");
	const char *message = json_str(data, "message");

	w->done = true;
	if (!error) {
		w->result = cJSON_Duplicate(result, true);
		return;
	}
	if (!*message)
		message = json_str(error, "message");
	error_set(w->error,
		  *json_str(data, "reason") ? json_str(data, "reason")
					    : "failed",
		  message);
	w->error->data = cJSON_Duplicate(data, true);
	w->status = json_int(error, "code", 0) == HW_RPC_CLOSED
			? CLIENT_CLOSED
			: CLIENT_REFUSED;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* Waits until something can be read. 0, or -1 past END (-1: no end). */
static int wait_readable(struct client *c, int64_t end)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int r;

	do {
		int64_t left = end < 0 ? -1 : end - now_ms();

		if (end >= 0 && left < 0)
			left = 0;
		r = poll(&p, 1, (int)left);
	} while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : -1;
}

static int deadline(struct client *c, struct client_error *e)
{
	char *message =
	    xasprintf("pid %d does not answer; it may be stopped or very busy "
		      "(`ps -p %d` tells)",
		      client_peer(c), client_peer(c));

	error_set(e, "deadline", message);
	free(message);
	return CLIENT_CLOSED;
}

int client_call(struct client *c, const char *method, cJSON *params,
		cJSON **result, struct client_error *e)
{
	struct waiting w = {.error = e};
	int64_t end = c->limit_ms < 0 ? -1 : now_ms() + c->limit_ms;

	if (hw_rpc_call(c->rpc, method, params, on_answer, &w) < 0)
		return error_set(e, "closed", "out of memory");
	while (!w.done && !c->broken) {
		if (wait_readable(c, end) < 0) {
			c->broken = true; /* a late answer must find no W */
			hw_rpc_close(c->rpc);
			return deadline(c, e);
		}
		client_read(c);
	}
	if (!w.done) {
		hw_rpc_close(c->rpc);
		return error_set(e, "closed", "the other side went away");
	}
	if (w.status == 0)
		*result = w.result;
	return w.status;
}
