/* SPDX-License-Identifier: MIT
 *
 * Work that other threads give to the code server's.
 *
 * The queue is a stack of one pointer: a push is one compare-and-swap, taking
 * all is one exchange, and the taker turns the order around. No lock: a thread
 * may be ended at any instruction and the queue is whole.
 *
 * Waking the thread. Its descriptor table is its own (server.c), so no pipe or
 * eventfd can reach it. A signal can: SIGSTKFLT, which no kernel sends, blocked
 * in our thread like all others and read by a signalfd. So no handler is
 * installed, no disposition changed, and a debugger does not stop at it. Only
 * the push onto an empty stack sends one; the thread empties the stack before
 * each time it goes to sleep, so none is missed. The thread never ends while
 * the process lives, or its number might be another's.
 *
 * Rejected: a real-time signal with a handler and ppoll (one more that the
 * program cannot have), a futex (poll does not wait for it), connecting to our
 * own socket (it needs the program's descriptors, and fails when they are
 * used up).
 */
#include "codeserver/jobs.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/server.h"

#define WAKE SIGSTKFLT

static struct server_job *posted; /* newest first */
static pid_t sleeper;             /* the thread to wake, 0: none yet */

static void wake_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, WAKE);
}

int jobs_open(void)
{
	sigset_t set;

	wake_set(&set);
	__atomic_store_n(&sleeper, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_SEQ_CST);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

void jobs_woken(int fd)
{
	struct signalfd_siginfo info;

	/* ThreadSanitizer would take it for the program's of that number. */
	while (syscall(SYS_read, fd, &info, sizeof(info)) > 0)
		;
}

void jobs_wait(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000l};
	sigset_t set;

	wake_set(&set);
	sigtimedwait(&set, NULL, ms < 0 ? NULL : &t);
}

bool jobs_waiting(void)
{
	return __atomic_load_n(&posted, __ATOMIC_ACQUIRE) != NULL;
}

void jobs_run(void)
{
	struct server_job *j =
	    __atomic_exchange_n(&posted, NULL, __ATOMIC_SEQ_CST);
	struct server_job *order = NULL, *next;

	for (; j; j = next) {
		next = j->next;
		j->next = order;
		order = j;
	}
	for (; order; order = next) {
		next = order->next; /* run may free it */
		order->run(order);
	}
}

int server_post(struct server_job *job)
{
	struct server_job *was = __atomic_load_n(&posted, __ATOMIC_RELAXED);
	pid_t tid;

	if (server_start() < 0)
		return -1;
	do {
		job->next = was;
	} while (!__atomic_compare_exchange_n(&posted, &was, job, false,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	tid = __atomic_load_n(&sleeper, __ATOMIC_SEQ_CST);
	if (!was && tid)
		syscall(SYS_tgkill, getpid(), tid, WAKE);
	return 0;
}

/* --- waiting for one ------------------------------------------------------ */

struct call {
	struct server_job job;
	void (*run)(void *arg);
	void *arg;
	int done; /* a futex; the caller's frame ends once it is 1 */
};

static void call_run(struct server_job *job)
{
	struct call *c = (struct call *)(void *)job;

	c->run(c->arg);
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	/* If it is gone already this wakes nobody, or somebody for nothing,
	 * which a futex's users bear. */
	syscall(SYS_futex, &c->done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int server_call(void (*run)(void *arg), void *arg)
{
	struct call c = {.job = {.run = call_run}, .run = run, .arg = arg};
	int e = errno;

	_Static_assert(offsetof(struct call, job) == 0, "a call is a job");
	if (server_post(&c.job) < 0)
		return -1;
	while (!__atomic_load_n(&c.done, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &c.done, FUTEX_WAIT_PRIVATE, 0, NULL, NULL,
			0);
	errno = e;
	return 0;
}

/* --- questions ------------------------------------------------------------ */

void server_ask_free(struct server_question *q)
{
	if (__atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sem_destroy(&q->answered);
	q->destroy(q);
}

void server_answered(struct server_question *q)
{
	sem_post(&q->answered);
	server_ask_free(q);
}

/* The thread that asked is being ended. */
static void question_left(void *arg)
{
	server_ask_free(arg);
}

int server_ask(struct server_question *q)
{
	int e = errno;

	sem_init(&q->answered, 0, 0);
	q->refs = 2;
	if (server_post(&q->job) < 0) {
		q->refs = 1;
		return -1;
	}
	pthread_cleanup_push(question_left, q);
	while (sem_wait(&q->answered) < 0)
		;
	pthread_cleanup_pop(0);
	errno = e;
	return 0;
}

void jobs_forked(void)
{
	posted = NULL;
	sleeper = 0;
}
