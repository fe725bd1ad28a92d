/* SPDX-License-Identifier: MIT
 *
 * One listening socket, a handful of connections, no thread of their own: the
 * code server's loop says what is ready. What a connection cannot take at once
 * is kept; who does not read at all is dropped.
 */
#include "codeserver/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "codeserver/guest.h"
#include "codeserver/methods.h"
#include "codeserver/server.h"
#include "protocol/rpc.h"

#define CONNECTIONS (SOCKET_POLLS - 1)
#define OUT_MAX (64ul << 20) /* a reader that does not read is dropped */

struct connection {
	int fd; /* -1: free */
	struct hw_rpc *rpc;
	char *out; /* not written yet */
	size_t nout;
	bool broken;
};

/* In a forked child the parent's stay as they were, perhaps half changed. */
struct connections {
	struct connection of[CONNECTIONS];
	struct connections *parent;
};

static struct {
	int listener; /* -1: none */
	struct connections *all;
	struct connection *conn; /* all->of */
	char path[512];          /* of the socket; empty: none */
	char runtime[480];       /* the runtime folder; empty: none */
	pid_t owner;             /* the process that made it */
} server = {.listener = -1};

/* --- the socket's place --------------------------------------------------- */

static int own_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077))
		return -1;
	return 0;
}

/*
 * Where the watcher looks too: watcher/util.c, runtime_dir. The environment is
 * the program's, which may change it at any time (Redis moves it to get room
 * for its title): it is read in the program's own thread, before ours starts.
 */
static void runtime_read(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
	size_t size = sizeof(server.runtime);
	int n;

	if (xdg && xdg[0] == '/')
		n = snprintf(server.runtime, size, "%s/hotwatch", xdg);
	else
		n = snprintf(server.runtime, size, "%s/hotwatch-%u",
			     tmp && *tmp ? tmp : "/tmp", (unsigned)getuid());
	if (n < 0 || (size_t)n + 16 > size)
		server.runtime[0] = '\0';
}

static int runtime_path(char *dir)
{
	strcpy(dir, server.runtime);
	if (!*dir || own_dir(dir) < 0)
		return -1;
	strcat(dir, "/targets");
	return own_dir(dir);
}

/*
 * By way of /proc, because a socket's address has room for 107 bytes only. It
 * gets its name when it listens: whoever sees NAME can connect. What is there
 * by either name is an earlier process', or ours before an exec.
 */
static int socket_listen(int fd, const char *dir, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), r;
	char early[40];

	if (at < 0)
		return -1;
	snprintf(early, sizeof(early), ".%s", name);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/thread-self/fd/%d/%s",
		 at, early);
	unlinkat(at, early, 0);
	r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (r == 0 &&
	    (fchmodat(at, early, 0600, 0) < 0 || listen(fd, CONNECTIONS) < 0 ||
	     renameat(at, early, at, name) < 0)) {
		unlinkat(at, early, 0);
		r = -1;
	}
	close(at);
	return r;
}

static int socket_make(void)
{
	char dir[sizeof(server.path) - 32], name[32];
	int fd;

	_Static_assert(sizeof(dir) >= sizeof(server.runtime), "room");
	if (runtime_path(dir) < 0)
		return -1;
	snprintf(name, sizeof(name), "%d.sock", (int)getpid());
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (socket_listen(fd, dir, name) < 0) {
		close(fd);
		return -1;
	}
	snprintf(server.path, sizeof(server.path), "%s/%s", dir, name);
	__atomic_store_n(&server.owner, getpid(), __ATOMIC_RELEASE);
	return fd;
}

void socket_unlink(void)
{
	if (__atomic_load_n(&server.owner, __ATOMIC_ACQUIRE) == getpid())
		unlink(server.path);
}

/* --- connections ---------------------------------------------------------- */

static void conn_close(struct connection *c)
{
	prepared_forget(c);
	hw_rpc_close(c->rpc);
	hw_rpc_free(c->rpc);
	close(c->fd);
	free(c->out);
	*c = (struct connection){.fd = -1};
}

static void conn_flush(struct connection *c)
{
	while (c->nout > 0) {
		ssize_t n =
		    send(c->fd, c->out, c->nout, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			c->broken = true;
		if (n <= 0)
			return;
		c->nout -= (size_t)n;
		memmove(c->out, c->out + n, c->nout);
	}
}

static void conn_write(const void *data, size_t len, void *user)
{
	struct connection *c = user;
	char *out =
	    c->nout + len > OUT_MAX ? NULL : realloc(c->out, c->nout + len);

	if (!out) {
		c->broken = true;
		return;
	}
	memcpy(out + c->nout, data, len);
	c->out = out;
	c->nout += len;
	conn_flush(c);
}

static bool peer_ours(int fd)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 &&
	       (u.uid == geteuid() || u.uid == 0);
}

static void conn_accept(void)
{
	int fd =
	    accept4(server.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c = server.conn;

	if (fd < 0)
		return;
	while (c < server.conn + CONNECTIONS && c->fd >= 0)
		c++;
	if (c < server.conn + CONNECTIONS && peer_ours(fd)) {
		*c = (struct connection){.fd = fd};
		c->rpc = hw_rpc_new(methods_table, conn_write, c);
		if (c->rpc)
			return;
		c->fd = -1;
	}
	close(fd);
}

static void conn_read(struct connection *c)
{
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || hw_rpc_feed(c->rpc, buf, (size_t)n) < 0)
		c->broken = true;
}

bool server_heard(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0)
			return true;
	return false;
}

void server_notify(const char *method, struct cJSON *params)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0)
			hw_rpc_notify(server.conn[i].rpc, method,
				      cJSON_Duplicate(params, true));
	cJSON_Delete(params);
}

/* --- for the loop --------------------------------------------------------- */

static int connections_make(void)
{
	struct connections *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->parent = server.all;
	server.all = c;
	server.conn = c->of;
	for (size_t i = 0; i < CONNECTIONS; i++)
		c->of[i].fd = -1;
	return 0;
}

int socket_prepare(void)
{
	runtime_read();
	server.listener = -1;
	return connections_make();
}

void socket_open(void)
{
	server.listener = socket_make();
}

void socket_disown(void)
{
	server.owner = 0;
}

nfds_t socket_polls(struct pollfd *p)
{
	nfds_t n = 0;

	if (server.listener < 0)
		return 0;
	p[n++] = (struct pollfd){.fd = server.listener, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &server.conn[i];

		p[n++] =
		    (struct pollfd){.fd = c->fd,
				    .events = POLLIN | (c->nout ? POLLOUT : 0)};
	}
	return n;
}

static void conn_ready(struct connection *c, short revents)
{
	if (revents & POLLOUT)
		conn_flush(c);
	if (revents & (POLLIN | POLLHUP | POLLERR))
		conn_read(c);
	if (revents & POLLNVAL)
		c->broken = true;
}

int socket_ready(const struct pollfd *p)
{
	if (server.listener < 0)
		return 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0)
			conn_ready(&server.conn[i], p[i + 1].revents);
	if (p[0].revents & POLLIN)
		conn_accept();
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0 && server.conn[i].broken)
			conn_close(&server.conn[i]);
	if (!(p[0].revents & (POLLNVAL | POLLERR)))
		return 0;
	server.listener = -1;
	return -1;
}
