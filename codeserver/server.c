/* SPDX-License-Identifier: MIT
 *
 * One thread: poll, then jobs (jobs.c), requests (socket.c), timers.
 *
 * The thread has a descriptor table of its own (unshare(CLONE_FILES)), made
 * before it opens anything, and empty: descriptors 0 to 2 lead to /dev/null.
 * So a program that closes all it does not know when it daemonizes does not
 * close ours, ours take no numbers from it, and a pipe or connection that it
 * closes is really closed. Where unshare is refused (a seccomp filter) the
 * table is shared; if the program then closes ours, the socket is gone and the
 * thread serves the program alone.
 *
 * All signals are blocked: the program's handlers never run here.
 *
 * libuv was considered and rejected for this place: it registers fork handlers
 * and a signal pipe for the whole process, made in whichever thread is first.
 */
#include "codeserver/server.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include "codeserver/guest.h"
#include "codeserver/helper.h"
#include "codeserver/hunt.h"
#include "codeserver/jobs.h"
#include "codeserver/lingering.h"
#include "codeserver/load.h"
#include "codeserver/methods.h"
#include "codeserver/order.h"
#include "codeserver/socket.h"

#define STACK_SIZE (1ul << 20)
#define GUARD 4096ul

enum {
	SERVER_NONE,
	SERVER_STARTING,
	SERVER_THERE,
	SERVER_FAILED
};

static struct {
	int state; /* SERVER_ */
	void *stack;
	int wake; /* the descriptor of jobs.c, or -1 */
	struct server_timer *timers;
} server;

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

/* --- timers --------------------------------------------------------------- */

uint64_t server_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void server_never(struct server_timer *timer)
{
	struct server_timer **p = &server.timers;

	while (*p && *p != timer)
		p = &(*p)->next;
	if (*p)
		*p = timer->next;
	timer->at = 0;
}

void server_later(struct server_timer *timer, unsigned ms)
{
	struct server_timer **p = &server.timers;

	server_never(timer);
	timer->at = server_now() + ms;
	while (*p && (*p)->at <= timer->at)
		p = &(*p)->next;
	timer->next = *p;
	*p = timer;
}

/* Those that are due now; what they set anew is for the next time round. */
static void timers_run(void)
{
	uint64_t now = server_now();
	struct server_timer *due = NULL, **end = &due, *t;

	while ((t = server.timers) != NULL && t->at <= now) {
		server.timers = t->next;
		*end = t;
		end = &t->next;
	}
	*end = NULL;
	while ((t = due) != NULL) {
		due = t->next;
		t->at = 0;
		t->run(t);
	}
}

static int timers_wait(void)
{
	uint64_t now = server_now();

	if (!server.timers)
		return -1;
	return server.timers->at > now ? (int)(server.timers->at - now) : 0;
}

/* --- the loop ------------------------------------------------------------- */

static nfds_t poll_set(struct pollfd *p)
{
	p[0] = (struct pollfd){.fd = server.wake, .events = POLLIN};
	return 1 + socket_polls(p + 1);
}

bool server_busy(void *unused)
{
	struct pollfd p[1 + SOCKET_POLLS];

	(void)unused;
	return jobs_waiting() || poll(p, poll_set(p), 0) > 0;
}

/*
 * Sleeps until there is something to do, and serves the sockets. What is done
 * reads all of the program's memory, what was never written too, which is no
 * error of the program's: valgrind reports none of this thread. But it warns of
 * a thread that ends so, and this one ends, with the program, where it sleeps.
 */
static void serve_once(int timeout)
{
	struct pollfd p[1 + SOCKET_POLLS];
	int n = -1;

	VALGRIND_ENABLE_ERROR_REPORTING;
	if (server.wake < 0)
		jobs_wait(timeout);
	else
		n = poll(p, poll_set(p), timeout);
	VALGRIND_DISABLE_ERROR_REPORTING;
	if (n <= 0)
		return;
	if (p[0].revents & POLLIN)
		jobs_woken(server.wake);
	if ((p[0].revents & (POLLNVAL | POLLERR)) || socket_ready(p + 1) < 0)
		server.wake = -1;
}

static void serve(void)
{
	for (;;) {
		unsigned loads = load_count();

		jobs_run();
		timers_run();
		serve_once(timers_wait());
		if (load_count() != loads)
			lingering_loaded();
	}
}

static void *server_main(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "hotwatch");
	if (hw_guest.program)
		helper_start();
	descriptors_own();
	server.wake = jobs_open();
	if (hw_guest.program)
		socket_open();
	serve();
	return NULL;
}

/* --- its beginning -------------------------------------------------------- */

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

/*
 * ThreadSanitizer ends a forked child that starts a thread, whatever the
 * program itself does there, unless it was told not to: so that child has no
 * code server. Found out at the start, when nothing is locked.
 */
static bool forks_alone;

static void sanitizer_find(void)
{
	const char *(*defaults)(void);
	const char *own = NULL, *given = getenv("TSAN_OPTIONS");

	*(void **)&defaults = dlsym(RTLD_DEFAULT, "__tsan_default_options");
	if (defaults)
		own = defaults();
	forks_alone = dlsym(RTLD_DEFAULT, "__tsan_init") &&
		      !(own && strstr(own, "die_after_fork=0")) &&
		      !(given && strstr(given, "die_after_fork=0"));
}

static int thread_start(void)
{
	sigset_t all, was;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!server.stack) {
		sanitizer_find();
		server.stack = stack_make();
	}
	if (!server.stack || socket_prepare() < 0 ||
	    pthread_attr_init(&attr) != 0)
		return -1;
	pthread_attr_setstack(&attr, server.stack, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	r = pthread_create(&thread, &attr, server_main, NULL);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	return r ? -1 : 0;
}

/* Who comes while another starts it need not wait: jobs are queued. */
int server_start(void)
{
	int was = SERVER_NONE;

	if (__atomic_compare_exchange_n(&server.state, &was, SERVER_STARTING,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		was = thread_start() < 0 ? SERVER_FAILED : SERVER_THERE;
		__atomic_store_n(&server.state, was, __ATOMIC_RELEASE);
	}
	return was == SERVER_FAILED ? -1 : 0;
}

void server_forked(void)
{
	bool had = server.state != SERVER_NONE;

	socket_disown();
	jobs_forked();
	server.timers = NULL;
	lingering_forked();
	orders_forked();
	prepared_forked();
	hunts_forked();
	server.state = forks_alone ? SERVER_FAILED : SERVER_NONE;
	if (had)
		server_start();
}

void server_exit(void)
{
	socket_unlink();
}
