/* SPDX-License-Identifier: MIT
 *
 * One thread, one socket, a handful of connections, poll.
 *
 * The thread has a descriptor table of its own (unshare(CLONE_FILES)), made
 * before it opens anything, and empty: descriptors 0 to 2 lead to /dev/null.
 * So a program that closes all it does not know when it daemonizes does not
 * close ours, ours take no numbers from it, and a pipe or connection that it
 * closes is really closed. Where unshare is refused (a seccomp filter) the
 * table is shared and ours are moved to high numbers.
 *
 * All signals are blocked: the program's handlers never run here. Nothing here
 * is waited for by any other thread.
 *
 * libuv was considered and rejected for this place: it registers fork handlers
 * and a signal pipe for the whole process, made in whichever thread is first.
 *
 * Versions that nothing holds any more are freed a moment after a load
 * (purge.c), and looked at again at growing intervals while some stay.
 */
#include "codeserver/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/guest.h"
#include "codeserver/load.h"
#include "codeserver/methods.h"
#include "codeserver/purge.h"
#include "protocol/rpc.h"

#define STACK_SIZE (1ul << 20)
#define GUARD 4096ul
#define CONNECTIONS 32
#define PURGE_FIRST_MS 20
#define PURGE_LAST_MS 2000
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
	int listener;
	struct connections *all;
	struct connection *conn; /* all->of */
	char path[512];          /* of the socket; empty: none */
	char runtime[480];       /* the runtime folder; empty: none */
	pid_t owner;             /* the process that made it */
	void *stack;
	/* Versions to free: when to try next (0: nothing to do), how long to
	 * wait after that, and how often a try was given up for a request. */
	uint64_t purge_at;
	unsigned purge_wait, given_up;
} server;

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

/* By way of /proc, because a socket's address has room for 107 bytes only. */
static int socket_bind(int fd, const char *dir, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), r;

	if (at < 0)
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/thread-self/fd/%d/%s",
		 at, name);
	unlinkat(at, name, 0); /* of an earlier process, or before an exec */
	r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (r == 0)
		r = fchmodat(at, name, 0600, 0);
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
	if (socket_bind(fd, dir, name) < 0 || listen(fd, CONNECTIONS) < 0) {
		close(fd);
		return -1;
	}
	snprintf(server.path, sizeof(server.path), "%s/%s", dir, name);
	__atomic_store_n(&server.owner, getpid(), __ATOMIC_RELEASE);
	return fd;
}

void server_exit(void)
{
	if (__atomic_load_n(&server.owner, __ATOMIC_ACQUIRE) == getpid())
		unlink(server.path);
}

/* --- descriptors ---------------------------------------------------------- */

/* A sanitizer reports to descriptor 2, from this thread too. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEPT 3
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEPT 3
#endif
#endif
#ifndef KEPT
#define KEPT 0
#endif

static void descriptors_own(void)
{
	int null;

	if (unshare(CLONE_FILES) < 0)
		return;
	if (syscall(SYS_close_range, (unsigned)KEPT, ~0u, 0u) < 0)
		for (int i = KEPT; i < 4096; i++)
			close(i);
	null = open("/dev/null", O_RDWR); /* the lowest number: 0 */
	if (null == 0) {
		dup2(0, 1);
		dup2(0, 2);
	}
}

/* --- connections ---------------------------------------------------------- */

static void conn_close(struct connection *c)
{
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

void server_notify(const char *method, struct cJSON *params)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0)
			hw_rpc_notify(server.conn[i].rpc, method,
				      cJSON_Duplicate(params, true));
	cJSON_Delete(params);
}

/* --- the loop ------------------------------------------------------------- */

static nfds_t poll_set(struct pollfd *p)
{
	nfds_t n = 0;

	p[n++] = (struct pollfd){.fd = server.listener, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &server.conn[i];

		p[n++] =
		    (struct pollfd){.fd = c->fd,
				    .events = POLLIN | (c->nout ? POLLOUT : 0)};
	}
	return n;
}

/* Somebody wants something: a search must not keep him waiting. */
static bool server_busy(void *arg)
{
	struct pollfd p[CONNECTIONS + 1];

	(void)arg;
	return poll(p, poll_set(p), 0) > 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* After a load: soon, but not while a burst of loads goes on. */
static void purge_soon(void)
{
	if (!purge_wanted())
		return;
	server.purge_wait = PURGE_FIRST_MS;
	if (!server.purge_at || server.purge_at > now_ms() + PURGE_FIRST_MS)
		server.purge_at = now_ms() + PURGE_FIRST_MS;
}

/* A request interrupts a search, but not for ever. */
static void purge_now(void)
{
	bool patient = server.given_up++ < 3;

	purge_try(patient ? server_busy : NULL, NULL);
	if (!patient || !server_busy(NULL))
		server.given_up = 0;
	if (!purge_wanted()) {
		server.purge_at = 0;
		return;
	}
	server.purge_at = now_ms() + server.purge_wait;
	if (!server.given_up && server.purge_wait < PURGE_LAST_MS)
		server.purge_wait *= 2;
}

static int poll_timeout(void)
{
	uint64_t now = now_ms();

	if (!server.purge_at)
		return -1;
	return server.purge_at > now ? (int)(server.purge_at - now) : 0;
}

static void serve_ready(struct pollfd *p)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &server.conn[i];

		if (c->fd < 0)
			continue;
		if (p[i + 1].revents & POLLOUT)
			conn_flush(c);
		if (p[i + 1].revents & (POLLIN | POLLHUP | POLLERR))
			conn_read(c);
		if (p[i + 1].revents & POLLNVAL)
			c->broken = true;
	}
	if (p[0].revents & POLLIN)
		conn_accept();
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server.conn[i].fd >= 0 && server.conn[i].broken)
			conn_close(&server.conn[i]);
}

static void serve(void)
{
	struct pollfd p[CONNECTIONS + 1];
	int n;

	for (;;) {
		unsigned loads = load_count();

		n = poll(p, poll_set(p), poll_timeout());
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			serve_ready(p);
			if (p[0].revents & (POLLNVAL | POLLERR))
				return; /* our descriptors were closed */
		}
		if (load_count() != loads)
			purge_soon();
		if (server.purge_at && server.purge_at <= now_ms())
			purge_now();
	}
}

static void *server_main(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "hotwatch");
	descriptors_own();
	server.listener = socket_make();
	server.purge_at = 0;
	if (server.listener >= 0)
		serve();
	return NULL;
}

/* Between guard pages, so that no neighbour's memory joins the mapping:
 * threads.c leaves it out of searches as a whole. Kept over a fork. */
static void *stack_make(void)
{
	char *p = mmap(NULL, STACK_SIZE + 2 * GUARD, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + GUARD, STACK_SIZE, PROT_READ | PROT_WRITE) < 0) {
		munmap(p, STACK_SIZE + 2 * GUARD);
		return NULL;
	}
	return p + GUARD;
}

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

void server_start(void)
{
	sigset_t all, was;
	pthread_attr_t attr;
	pthread_t thread;

	runtime_read();
	if (!server.stack)
		server.stack = stack_make();
	if (!server.stack || connections_make() < 0 ||
	    pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setstack(&attr, server.stack, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	pthread_create(&thread, &attr, server_main, NULL);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
}

/* The parent's connections are left as they are: their memory is a few
 * kilobytes, and their descriptors are not in this process's table. */
void server_forked(void)
{
	server.owner = 0;
	server_start();
}
