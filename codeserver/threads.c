/* SPDX-License-Identifier: MIT
 *
 * After a publish no call can enter the old version any more, so a thread that
 * was once seen without it stays without it, and no two threads need to be
 * seen at the same instant.
 *
 * A blocked thread is not disturbed. /proc/self/task/TID/syscall gives its
 * stack pointer, and its stack is read from there up. Its context switches are
 * counted before and after: if they differ it has run meanwhile and what was
 * read means nothing. (What such a thread keeps in callee-saved registers
 * alone is not seen: the kernel has them. That can be a pointer to a string of
 * an old version, never a return address.)
 *
 * A running thread gets a signal, and in the handler compares its own
 * registers and stack with the ranges; it goes on at once, and nobody waits
 * for anybody but the code server for the answers, for a while: all threads
 * that run are asked at the same time, since each answers when the scheduler
 * lets it. A thread that has blocked before its signal came has its call
 * restarted (SA_RESTART) at worst. The signal is the highest real-time one that
 * the program does not use; if there is none, or a thread blocks it, that
 * thread stays unseen and everything counts as held.
 *
 * The handler touches only its thread's own stack and its slot in `asks`: no
 * lock, no malloc, no errno. A slot is answered by a compare-and-swap on its
 * state, so an answer that comes too late changes nothing.
 */
#include "codeserver/threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 250          /* how long running threads are waited for */
#define ASKS 256               /* threads asked at the same time */
#define STACK_MAX (64ul << 20) /* bytes of stack that are read at most */

enum {
	ASK_IDLE,
	ASK_OPEN,  /* the thread may answer */
	ASK_TAKEN, /* the handler is at it */
	ASK_ANSWERED,
};

/* The question, the same for all threads asked; it stands while any slot is
 * open or taken. */
static struct {
	size_t n;
	struct hw_hidden ranges[THREADS_RANGES];
} question;

/* One thread's answer. */
static struct ask {
	int state;
	pid_t tid;
	uintptr_t sp;
	bool held[THREADS_RANGES];
} asks[ASKS];

static int signal_number;     /* 0: none to be had */
static unsigned char *window; /* where other threads' stacks are read to */
#define WINDOW (1ul << 20)

/* The writable mappings when the look began, in order of address. Mapped, and
 * never given back, so that a late handler may still read it. */
static struct hw_span *maps;
static size_t nmaps, maps_cap;

static struct hw_span dead[256];
static size_t ndead;

static void word_compare(uintptr_t w, const struct hw_hidden *r, size_t n,
			 bool *held)
{
	for (size_t i = 0; i < n; i++)
		if (hidden_has(&r[i], w))
			held[i] = true;
}

/* No instrumentation: it reads dead stack, red zones and all. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
words_compare(uintptr_t from, uintptr_t to, const struct hw_hidden *r, size_t n,
	      bool *held)
{
	for (uintptr_t p = (from + 7) & ~7ul; p + 8 <= to; p += 8)
		word_compare(*(volatile uintptr_t *)p, r, n, held);
}

/* The mapping that holds SP, or whose lower end a stack has just outgrown. */
static struct hw_span map_of(uintptr_t sp)
{
	size_t lo = 0, hi = nmaps;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (maps[mid].to <= sp)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == nmaps || sp + (1ul << 20) < maps[lo].from)
		return (struct hw_span){0, 0};
	return maps[lo];
}

/*
 * The stack is read from this function's frame up: the kernel has put the
 * interrupted registers there, so they are compared with it. (Not from the
 * context's stack pointer: a sanitizer calls handlers later than the kernel
 * did, with the context of then.)
 */
static void handler(int sig, siginfo_t *info, void *context)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	struct ask *a = &asks[(unsigned)info->si_value.sival_int % ASKS];
	int open = ASK_OPEN, e = errno;

	(void)sig;
	(void)context;
	if (__atomic_load_n(&a->tid, __ATOMIC_ACQUIRE) ==
		(pid_t)syscall(SYS_gettid) &&
	    __atomic_compare_exchange_n(&a->state, &open, ASK_TAKEN, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		words_compare(sp, map_of(sp).to, question.ranges, question.n,
			      a->held);
		a->sp = map_of(sp).to ? sp : 0;
		__atomic_store_n(&a->state, ASK_ANSWERED, __ATOMIC_RELEASE);
	}
	errno = e;
}

/* The highest real-time signal at its default action. */
static void signal_choose(void)
{
	struct sigaction sa = {0}, was;

	sa.sa_sigaction = handler;
	sa.sa_flags = SA_SIGINFO | SA_RESTART;
	sigfillset(&sa.sa_mask);
	for (int sig = SIGRTMAX; sig > SIGRTMIN; sig--) {
		if (sigaction(sig, NULL, &was) < 0 || was.sa_handler != SIG_DFL)
			continue;
		if (sigaction(sig, &sa, NULL) == 0)
			signal_number = sig;
		return;
	}
}

void threads_start(void)
{
	memset(asks, 0, sizeof(asks)); /* a forked child's: nobody was asked */
	if (!signal_number)
		signal_choose();
}

/* Whether the handler is still ours: the program may have taken the signal. */
static bool signal_ours(void)
{
	struct sigaction sa;

	return signal_number && sigaction(signal_number, NULL, &sa) == 0 &&
	       (sa.sa_flags & SA_SIGINFO) && sa.sa_sigaction == handler;
}

static int proc_read(pid_t tid, const char *what, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

/* Voluntary and involuntary switches, added. -1: it is gone. */
static long switches(pid_t tid)
{
	char buf[4096];
	const char *p, *q;

	if (proc_read(tid, "status", buf, sizeof(buf)) < 0)
		return -1;
	p = strstr(buf, "\nvoluntary_ctxt_switches:");
	q = strstr(buf, "\nnonvoluntary_ctxt_switches:");
	if (!p || !q)
		return -1;
	return atol(strchr(p, ':') + 1) + atol(strchr(q, ':') + 1);
}

/* 1 and where it stands, 0: it runs, -1: it is gone or cannot be seen. */
static int blocked_at(pid_t tid, uintptr_t *sp, uintptr_t *pc,
		      uintptr_t args[6])
{
	unsigned long long v[9];
	char buf[512];
	int n;

	if (proc_read(tid, "syscall", buf, sizeof(buf)) < 0)
		return -1;
	if (!strncmp(buf, "running", 7))
		return 0;
	n = sscanf(buf, "%llu %llx %llx %llx %llx %llx %llx %llx %llx", &v[0],
		   &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8]);
	memset(args, 0, 6 * sizeof(*args));
	if (n == 9) {
		for (int i = 0; i < 6; i++)
			args[i] = v[1 + i];
		*sp = v[7];
		*pc = v[8];
		return 1;
	}
	n = sscanf(buf, "-1 %llx %llx", &v[0], &v[1]);
	if (n != 2) /* blocked outside a system call: a page fault */
		return -1;
	*sp = v[0];
	*pc = v[1];
	return 1;
}

static int maps_grow(void)
{
	size_t cap = maps_cap ? maps_cap * 2 : 1024;
	struct hw_span *m = mmap(NULL, cap * sizeof(*m), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return -1;
	if (maps)
		memcpy(m, maps, nmaps * sizeof(*m));
	maps = m;
	maps_cap = cap;
	return 0;
}

static int maps_read(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], mode[5];
	struct hw_span m;
	int r = file ? 0 : -1;

	nmaps = 0;
	while (r == 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %4s", &m.from, &m.to, mode) != 3 ||
		    mode[1] != 'w')
			continue;
		if (nmaps == maps_cap)
			r = maps_grow();
		if (r == 0)
			maps[nmaps++] = m;
	}
	if (file)
		fclose(file);
	return r;
}

static void dead_add(uintptr_t sp)
{
	struct hw_span m = map_of(sp);

	if (m.to && sp > m.from && ndead < sizeof(dead) / sizeof(dead[0]))
		dead[ndead++] = (struct hw_span){m.from, sp};
}

/* The code server's own stack holds nothing, alive or dead. It is mapped
 * between guard pages (server.c), so this is that stack and no more. */
static void dead_own(void)
{
	struct hw_span m = map_of((uintptr_t)__builtin_frame_address(0));

	if (m.to)
		dead[ndead++] = m;
}

size_t threads_dead(const struct hw_span **spans)
{
	*spans = dead;
	return ndead;
}

static int stack_look(uintptr_t sp, uintptr_t end, const struct hw_hidden *r,
		      size_t n, bool *held)
{
	while (sp < end) {
		size_t len = end - sp < WINDOW ? end - sp : WINDOW;
		struct iovec to = {window, len}, from = {(void *)sp, len};

		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) !=
		    (ssize_t)len)
			return -1;
		words_compare((uintptr_t)window, (uintptr_t)window + len, r, n,
			      held);
		sp += len;
	}
	return 0;
}

/* 1: seen; 0: it runs, or has run meanwhile; -1: gone. */
static int blocked_look(pid_t tid, const struct hw_hidden *r, size_t n,
			bool *held)
{
	bool mine[THREADS_RANGES] = {false};
	uintptr_t sp, pc, args[6], end;
	long before = switches(tid);
	int state = before < 0 ? -1 : blocked_at(tid, &sp, &pc, args);

	if (state <= 0)
		return state;
	end = map_of(sp).to;
	if (!end || end - sp > STACK_MAX)
		return 0;
	word_compare(pc, r, n, mine);
	for (int i = 0; i < 6; i++)
		word_compare(args[i], r, n, mine);
	if (stack_look(sp & ~7ul, end, r, n, mine) < 0 ||
	    switches(tid) != before || blocked_at(tid, &sp, &pc, args) != 1)
		return 0;
	for (size_t i = 0; i < n; i++)
		held[i] |= mine[i];
	dead_add(sp - 128);
	return 1;
}

static void pause_ns(long ns)
{
	struct timespec t = {0, ns};

	nanosleep(&t, NULL);
}

/* Sends thread TID its question. 0, or -1: it cannot be asked, or is gone. */
static int thread_ask(unsigned i, pid_t tid)
{
	struct ask *a = &asks[i];
	siginfo_t info = {.si_signo = signal_number, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = (int)i;
	a->sp = 0;
	memset(a->held, 0, sizeof(a->held));
	__atomic_store_n(&a->tid, tid, __ATOMIC_RELEASE);
	__atomic_store_n(&a->state, ASK_OPEN, __ATOMIC_RELEASE);
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, signal_number,
		    &info) == 0)
		return 0;
	__atomic_store_n(&a->state, ASK_IDLE, __ATOMIC_RELEASE);
	return -1;
}

static bool answered(const struct ask *a)
{
	int state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);

	return state == ASK_ANSWERED || state == ASK_IDLE;
}

/* Waits for N answers, at most ANSWER_MS. */
static void answers_wait(unsigned n)
{
	long waited = 0, step = 20000;
	unsigned i = 0;

	while (waited < ANSWER_MS * 1000000l) {
		while (i < n && answered(&asks[i]))
			i++;
		if (i == n)
			return;
		pause_ns(step);
		waited += step;
		if (step < 1000000)
			step *= 2;
	}
}

/* What thread A answered; if it has not, the question is closed and it may
 * hold everything. */
static void answer_take(struct ask *a, size_t n, bool *held)
{
	int state = ASK_OPEN;

	if (__atomic_compare_exchange_n(&a->state, &state, ASK_IDLE, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		state = ASK_OPEN;
	/* It is at it now: it ends soon, or a debugger holds it. */
	for (int i = 0; i < 1000 && state == ASK_TAKEN; i++) {
		pause_ns(50000);
		state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);
	}
	if (state == ASK_IDLE) /* never asked: it was gone */
		return;
	for (size_t i = 0; i < n; i++)
		held[i] |= state != ASK_ANSWERED || a->held[i] || !a->sp;
	if (state != ASK_ANSWERED)
		return;
	dead_add(a->sp);
	__atomic_store_n(&a->state, ASK_IDLE, __ATOMIC_RELEASE);
}

/* Asks NTIDS threads that ran when they were looked at. */
static void running_look(const pid_t *tids, unsigned ntids, size_t n,
			 bool *held)
{
	for (unsigned i = 0; i < ntids; i++)
		thread_ask(i, tids[i]);
	answers_wait(ntids);
	for (unsigned i = 0; i < ntids; i++)
		answer_take(&asks[i], n, held);
}

/* A slot still taken by a handler that never ended: no question can be put. */
static bool asks_free(void)
{
	for (unsigned i = 0; i < ASKS; i++)
		if (__atomic_load_n(&asks[i].state, __ATOMIC_ACQUIRE) ==
		    ASK_TAKEN)
			return false;
	return true;
}

/* All threads but our own: those that block are read, the others gathered
 * and asked, ASKS at a time. */
static int threads_walk(DIR *d, const struct hw_hidden *r, size_t n, bool *held)
{
	pid_t own = (pid_t)syscall(SYS_gettid), tids[ASKS];
	bool can_ask = signal_ours() && asks_free();
	unsigned ntids = 0;
	struct dirent *e;

	question.n = n;
	memcpy(question.ranges, r, n * sizeof(*r));
	while ((e = readdir(d)) != NULL) {
		pid_t tid = (pid_t)atoi(e->d_name);

		if (tid <= 0 || tid == own ||
		    blocked_look(tid, r, n, held) != 0)
			continue;
		if (!can_ask)
			return -1;
		tids[ntids++] = tid;
		if (ntids == ASKS) {
			running_look(tids, ntids, n, held);
			ntids = 0;
		}
	}
	running_look(tids, ntids, n, held);
	return 0;
}

int threads_look(const struct hw_hidden *ranges, size_t n, bool *held)
{
	DIR *d;
	int r;

	if (!window)
		window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED) {
		window = NULL;
		return -1;
	}
	ndead = 0;
	d = maps_read() == 0 ? opendir("/proc/self/task") : NULL;
	if (!d)
		return -1;
	dead_own();
	r = threads_walk(d, ranges, n, held);
	closedir(d);
	/* What was compared must not be found as a holder afterwards. */
	explicit_bzero(window, WINDOW);
	explicit_bzero(question.ranges, sizeof(question.ranges));
	question.n = 0;
	if (maps)
		explicit_bzero(maps, nmaps * sizeof(*maps));
	nmaps = 0;
	return r;
}
