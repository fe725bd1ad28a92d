/* SPDX-License-Identifier: MIT
 *
 * Condemning a process, and asking it to end until it does.
 *
 * A process in hw_receive is woken and ends itself. Any other is asked by a
 * signal, whose handler ends it if the place is right (process-stop.c), or
 * arranges that it ends when the call it is in returns. The first signal is
 * sent by whoever condemns; a thread of our own ("hw-ender", made with the
 * first that is asked) asks again at growing intervals, for nobody else can
 * wait: a program that is not hot-built has no other thread of ours, and the
 * code server's has better things to do. It waits for no thread: it sends a
 * signal and sleeps.
 *
 * A thread that blocks our signal gets pthread_cancel instead, whose signal
 * cannot be blocked: it then ends at its next cancellation point, by the C
 * library's rules, which are coarser than ours.
 *
 * A thread that has disabled cancellation is asked on and on and never ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/process-table.h"

#define ASK_FIRST 100000ull    /* ns until it is asked again; then doubled */
#define ASK_LAST 10000000ull   /* at most */
#define ASK_LOST 50000000ull   /* a signal not taken until then is blocked */
#define ENDER_STACK (64 << 10) /* at least PTHREAD_STACK_MIN */

static struct ring condemned;
static bool ender_runs; /* under the lock */
static uint32_t ender_word;

uint64_t kill_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int kill_prepare(void)
{
	ring_init(&condemned);
	return stop_prepare();
}

/* --- asking --------------------------------------------------------------- */

/* Whether thread TID blocks signal SIG: a line of its status. */
static bool signal_blocked(pid_t tid, int sig)
{
	char buf[4096], path[64];
	const char *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	line = strstr(buf, "\nSigBlk:");
	return line && strtoull(line + 8, NULL, 16) >> (sig - 1) & 1;
}

static void ask(struct process *p, uint64_t now)
{
	if (__atomic_load_n(&p->asked, __ATOMIC_ACQUIRE)) {
		if (!p->cancelled && stop_may_cancel() &&
		    now - p->asked_at > ASK_LOST &&
		    signal_blocked(p->tid, process_signal())) {
			pthread_cancel(p->thread);
			p->cancelled = true;
		}
		return;
	}
	__atomic_store_n(&p->asked, 1, __ATOMIC_RELEASE);
	p->asked_at = now;
	if (syscall(SYS_tgkill, getpid(), p->tid, process_signal()) < 0)
		__atomic_store_n(&p->asked, 0, __ATOMIC_RELEASE);
}

/* One that waits, or has not begun, ends by itself. */
static void ask_if_due(struct process *p, uint64_t now)
{
	if (now < p->ask_at)
		return;
	if (p->tid && process_life(p) == PROCESS_DYING &&
	    !__atomic_load_n(&p->waiting, __ATOMIC_SEQ_CST))
		ask(p, now);
	p->ask_at = now + p->ask_wait;
	if (p->ask_wait < ASK_LAST)
		p->ask_wait *= 2;
}

/* --- the thread that asks ------------------------------------------------- */

static void *ender_main(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "hw-ender");
	for (;;) {
		uint32_t seen = __atomic_load_n(&ender_word, __ATOMIC_ACQUIRE);
		uint64_t now = kill_now(), next = UINT64_MAX;
		struct timespec t;

		processes_lock();
		for (struct ring *r = condemned.next; r != &condemned;
		     r = r->next) {
			struct process *p = ring_item(r, struct process, dying);

			ask_if_due(p, now);
			next = p->ask_at < next ? p->ask_at : next;
		}
		processes_unlock();
		t = (struct timespec){(time_t)(next / 1000000000),
				      (long)(next % 1000000000)};
		syscall(SYS_futex, &ender_word, FUTEX_WAIT_BITSET_PRIVATE, seen,
			next == UINT64_MAX ? NULL : &t, NULL,
			FUTEX_BITSET_MATCH_ANY);
	}
	return NULL;
}

static bool ender_start(void)
{
	sigset_t all, was;
	pthread_attr_t attr;
	pthread_t thread;
	int e;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, ENDER_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	e = pthread_create(&thread, &attr, ender_main, NULL);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	return e == 0;
}

static void ender_call(void)
{
	if (!ender_runs)
		ender_runs = ender_start();
	__atomic_add_fetch(&ender_word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &ender_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* --- condemning ----------------------------------------------------------- */

/*
 * The futex that P waits at, to be woken by the caller: it ends itself then.
 * NULL: it is asked. The order of the last three steps is that of a process
 * that begins to wait: it then sees that it is to end, or is seen to wait.
 */
static uint32_t *condemn(struct process *p, const char *reason)
{
	uint64_t now = kill_now();

	if (process_life(p) != PROCESS_ALIVE)
		return NULL;
	reason_copy(p->reason, reason);
	if (p->barrier < 0)
		p->barrier = barrier_take(p);
	p->ask_wait = ASK_FIRST;
	p->ask_at = now;
	ring_add(&condemned, &p->dying);
	__atomic_store_n(&p->life, PROCESS_DYING, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&p->wake, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&p->waiting, __ATOMIC_SEQ_CST))
		return &p->wake;
	if (p != process_self) {
		ask_if_due(p, now);
		ender_call();
	}
	return NULL;
}

static void futex_wake(uint32_t *at)
{
	syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void process_condemn(struct process *p, const char *reason)
{
	uint32_t *waits = condemn(p, reason);

	if (waits)
		futex_wake(waits);
}

/*
 * They are woken without the lock, which they take as they end. One that is
 * gone by then is woken for nothing: its memory is another's, which its users
 * bear.
 */
void processes_kill(const hw_pid *pids, size_t n, const char *reason)
{
	uint32_t *waits[PROCESSES_KILLED];

	processes_lock();
	for (size_t i = 0; i < n; i++) {
		struct process *p = process_find(pids[i]);

		waits[i] = p ? condemn(p, reason) : NULL;
	}
	processes_unlock();
	for (size_t i = 0; i < n; i++)
		if (waits[i])
			futex_wake(waits[i]);
}

void kill_forget(struct process *p)
{
	ring_out(&p->dying);
	barrier_give(p->barrier);
	p->barrier = -1;
}

/*
 * The child of a process that was condemned lives: it is another. It keeps its
 * barrier, that the fork may be about to return through.
 */
void kill_forked(struct process *kept)
{
	ender_runs = false;
	if (!kept)
		return;
	ring_out(&kept->dying);
	if (process_life(kept) == PROCESS_DYING)
		__atomic_store_n(&kept->life, PROCESS_ALIVE, __ATOMIC_RELEASE);
	kept->cancelled = false;
	__atomic_store_n(&kept->asked, 0, __ATOMIC_RELEASE);
}
