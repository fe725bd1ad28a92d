/* SPDX-License-Identifier: MIT
 *
 * After a publish no call can enter the old version any more, so a thread that
 * was once seen without it stays without it, and no two threads need to be
 * seen at the same instant.
 *
 * A blocked thread is not disturbed. /proc/self/task/TID/syscall gives its
 * stack pointer, or a process that sleeps in its mailbox has said it itself
 * (process-sleep.c), and its stack is read from there up. The time it has had
 * on a processor is read before and after (by its clock: 0.2 us, where its
 * context switches in /proc cost 10): if it has grown the thread has run
 * meanwhile and what was read means nothing. By the same clock a thread that
 * has not run since the last look need not be looked at again: the words that
 * were found on its stack are remembered. That makes the look past a thousand
 * threads that sit in poll take half a millisecond instead of five.
 *
 * What a blocked thread keeps in callee-saved registers alone is not seen: the
 * kernel has them. That can be a pointer to a string of an old version, never
 * a return address.
 *
 * A thread that runs is looked at again a few times, for most are about to
 * block; the rest are asked by a signal (snapshot.c). One that blocks the
 * signal is not asked and not seen.
 *
 * A thread that stands on another stack than its own (stacks.c; a coroutine's,
 * an alternate one) has its words there looked at; its own stack then is memory
 * like any other, and so is the rest of a mapping in which such stacks lie.
 */
#include "codeserver/threads.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/maps.h"
#include "codeserver/memory.h"
#include "codeserver/process-internal.h"
#include "codeserver/stacks.h"
#include "codeserver/thread-proc.h"

#define BLOCKING_TRIES 20 /* for one that blocks all signals */
#define BLOCKING_NS 200000
#define TRIES 4                 /* before a running thread is asked */
#define STACK_MAX (64ul << 20)  /* bytes of stack that are read at most */
#define WINDOW_KEPT (1ul << 20) /* of the window stay in memory */

enum state {
	STATE_NEW,     /* nothing is known of it */
	STATE_BLOCKED, /* what is here stands as long as `cpu` does */
	STATE_SEEN,    /* it ran when it was seen */
};

struct thread {
	pid_t tid;
	enum state state;
	unsigned round; /* of the look that listed it last */
	bool at_home, in_stub;
	bool remembered;         /* the last look did not read it again */
	uint64_t sp;             /* in units of 16 bytes */
	uint64_t cpu;            /* ns it had run when it was read */
	uint64_t home, home_end; /* its own stack, in units of 16 bytes */
	uint64_t top;            /* of its frames; in 16 bytes; 0: not known */
	uint64_t away, away_end; /* its frames on another stack; in 16 bytes */
	uint64_t robust;         /* the list's head when home was learnt */
	struct snapshot_words words;
};

static struct thread *all; /* mapped; in the order of the listing */
static uint32_t *by_tid;   /* mapped: 2 * cap, open addressing; 0: free */
static size_t nall, cap;   /* cap is a power of two */
static unsigned round_now;
static uint64_t cpu_looked; /* `cpu` of the one that is looked at */
static bool stubs_clear;
static void **table_then; /* the current table when the look began */

static pid_t main_tid;

static unsigned char *window; /* STACK_MAX bytes: a blocked one's stack */
static size_t window_used;    /* bytes, since it was emptied */

static void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* --- a thread's own stack ------------------------------------------------- */

/* HEAD: of its robust list. */
static void home_learn(struct thread *t, uintptr_t head)
{
	struct hw_span home;

	if (t->robust == ~head)
		return;
	home = stacks_home(head);
	t->robust = ~head;
	t->home = home.from >> 4;
	t->home_end = home.to >> 4;
}

static void home_find(struct thread *t)
{
	home_learn(t, stacks_robust_head(t->tid));
}

static struct hw_span home_of(const struct thread *t)
{
	return (struct hw_span){t->home << 4, t->home_end << 4};
}

/* The main thread's stack grows: its lower end is where the limit puts it. */
static bool home_has(const struct thread *t, uintptr_t sp)
{
	uintptr_t from = t->home << 4;

	if (t->tid == main_tid && from > STACK_MAX)
		from -= STACK_MAX;
	return sp >= from && sp < t->home_end << 4;
}

/* --- a look at one -------------------------------------------------------- */

/* A stub: mov table(%rip),%r11; jmp *n(%r11). One who stands at its second
 * instruction holds a table. */
static bool stub_second(uintptr_t pc)
{
	unsigned char b[10];

	return (pc & 15) == 7 && memory_peek(pc - 7, b, sizeof(b)) == 0 &&
	       !memcmp(b, "\x4c\x8b\x1d", 3) &&
	       !memcmp(b + 7, "\x41\xff\xa3", 3);
}

/* On the stack is what a signal interrupted there. */
static bool words_in_stub(const struct snapshot_words *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!w->word[i].mangled &&
		    stub_second(HW_ARENA_BASE + w->word[i].offset))
			return true;
	return w->more;
}

static bool stack_in_stub(const struct snapshot *s)
{
	const uintptr_t *w = (const uintptr_t *)s->stack;

	if (!s->words->more)
		return words_in_stub(s->words);
	for (size_t i = 0; i < s->size / 8; i++)
		if (w[i] - HW_ARENA_BASE < HW_ARENA_SIZE && stub_second(w[i]))
			return true;
	return false;
}

/* Where the stack ends that SP is on. */
static uintptr_t stack_end(const struct thread *t, uintptr_t sp)
{
	const struct map *m;

	if (home_has(t, sp))
		return t->home_end << 4;
	maps_want();
	m = maps_find(sp);
	if (!m || !m->read)
		return 0;
	return map_to(m) - sp < SNAPSHOT_COPY ? map_to(m) : sp + SNAPSHOT_COPY;
}

/* Reads the stack of S to the window, and its words to T. 0 or -1. */
static int stack_read(struct thread *t, struct snapshot *s)
{
	uintptr_t sp = s->reg[CFI_RSP], end = stack_end(t, sp);
	struct iovec from;

	s->from = sp & ~7ul;
	t->sp = sp >> 4;
	t->at_home = home_has(t, sp);
	t->words = (struct snapshot_words){.n = 0};
	if (end <= sp || end - s->from > STACK_MAX)
		return -1;
	if (window_used < end - s->from)
		window_used = end - s->from;
	s->size = end - s->from;
	from = (struct iovec){(void *)s->from, s->size};
	if (memory_gather(&from, 1, window, s->size) < 0)
		return -1;
	s->seen = end;
	s->stack = window;
	if (t->at_home)
		s->home = home_of(t);
	words_gather(&t->words, (const uintptr_t *)window, s->size / 8, 0);
	s->words = &t->words;
	for (int i = 0; i < CFI_REGS; i++)
		t->words.suspicious |= suspect(s->reg[i]);
	/* its frames may go on, on its own stack */
	t->words.suspicious |= !t->at_home;
	return 0;
}

/* Whether T, not run since, is clean by what is remembered. */
static bool clean_still(const struct thread *t, uint64_t cpu)
{
	if (t->state != STATE_BLOCKED || t->cpu != cpu || t->words.more)
		return false;
	for (unsigned i = 0; i < t->words.n; i++)
		if (suspect(HW_ARENA_BASE + t->words.word[i].offset))
			return false;
	return true;
}

int threads_word(const void *snapshot, uintptr_t at, uint64_t *value)
{
	const struct snapshot *s = snapshot;

	if (at >= s->from && at + 8 <= s->from + s->size) {
		memcpy(value, s->stack + (at - s->from), 8);
		return 0;
	}
	return s->blocked ? memory_peek(at, value, 8) : -1;
}

bool threads_still(const struct snapshot *s)
{
	return thread_cpu(s->tid) == cpu_looked;
}

/* As thread_blocked, of a process that waits in its mailbox: without a file of
 * /proc. Its call's arguments are ours, and point to nothing. */
static bool asleep(struct thread *t, struct snapshot *s)
{
	struct process_asleep a;
	uintptr_t head;

	if (!process_sleeps(t->tid, &a))
		return false;
	head = stacks_robust_head_of(a.thread);
	if (!head)
		return false;
	*s = (struct snapshot){.tid = t->tid, .blocked = true};
	s->reg[CFI_RSP] = a.sp;
	s->reg[CFI_RBP] = a.bp;
	s->reg[CFI_RIP] = a.pc;
	s->known = 1u << CFI_RSP | 1u << CFI_RBP | 1u << CFI_RIP;
	home_learn(t, head);
	return true;
}

enum looked {
	LOOKED_DONE,
	LOOKED_RUNS,
	LOOKED_GONE
};

/* Registers are not remembered, so a thread with one that points into the
 * arena is looked at again each time. */
static enum looked blocked_look(struct thread *t, const struct threads_look *l)
{
	static struct snapshot s;
	uint64_t cpu = thread_cpu(t->tid);
	enum looked r = LOOKED_RUNS;
	int state = 1;

	if (!cpu)
		return LOOKED_GONE;
	t->remembered = clean_still(t, cpu);
	if (t->remembered)
		return LOOKED_DONE;
	t->state = STATE_NEW;
	if (!asleep(t, &s)) {
		state = thread_blocked(t->tid, &s);
		if (state <= 0)
			return state < 0 ? LOOKED_GONE : LOOKED_RUNS;
		home_find(t);
	}
	if (stack_read(t, &s) < 0)
		return LOOKED_RUNS;
	t->cpu = cpu_looked = cpu;
	t->top = t->away_end = 0;
	t->in_stub = stack_in_stub(&s);
	if (t->words.suspicious ? l->see(l->arg, &s) : threads_still(&s)) {
		t->words.more |= !t->at_home;
		for (int i = 0; i < CFI_REGS; i++)
			t->words.more |=
			    s.reg[i] - HW_ARENA_BASE < HW_ARENA_SIZE;
		t->state = STATE_BLOCKED;
		r = LOOKED_DONE;
	}
	memset(&s, 0, sizeof(s));
	return r;
}

/* What lies on its stack is then no finding of its own. */
static void unseen(struct thread *t, const struct threads_look *l,
		   const char *why)
{
	home_find(t);
	t->state = STATE_SEEN;
	t->at_home = true;
	t->remembered = false;
	t->top = t->away_end = 0;
	stubs_clear = false;
	l->unseen(l->arg, t->tid, why);
}

/* The answers of N threads that were asked. */
static void answers_see(struct thread *const *t, const enum snapshot_got *got,
			unsigned n, const struct threads_look *l)
{
	static struct snapshot s;

	for (unsigned i = 0; i < n; i++) {
		if (got[i] == SNAPSHOT_SILENT)
			unseen(t[i], l, "it did not answer");
		if (got[i] != SNAPSHOT_ANSWERED)
			continue;
		snapshot_answer(i, &s);
		t[i]->state = STATE_SEEN;
		t[i]->remembered = false;
		t[i]->at_home = s.home.to != 0;
		t[i]->top = t[i]->away_end = 0;
		stubs_clear &=
		    !stub_second(s.reg[CFI_RIP]) && !words_in_stub(s.words);
		if (s.words->suspicious || !s.home.to)
			l->see(l->arg, &s);
	}
	memset(&s, 0, sizeof(s));
	snapshot_done();
}

static enum looked one_look(struct thread *t, const struct threads_look *l)
{
	enum looked r = LOOKED_RUNS;

	for (int i = 0; i < TRIES && r == LOOKED_RUNS; i++)
		r = blocked_look(t, l);
	return r;
}

static void running_ask(struct thread *const *t, unsigned n,
			const struct threads_look *l)
{
	struct hw_span home[SNAPSHOT_SLOTS];
	pid_t tid[SNAPSHOT_SLOTS];
	enum snapshot_got got[SNAPSHOT_SLOTS];

	for (unsigned i = 0; i < n; i++) {
		home_find(t[i]);
		home[i] = home_of(t[i]);
		tid[i] = t[i]->tid;
	}
	if (!n)
		return;
	maps_want(); /* the handler asks, if it is on another stack */
	snapshot_ask(tid, home, n, got);
	answers_see(t, got, n, l);
}

/* Asks those of T that can be asked; leaves in T those that block all signals
 * and still run, and returns their number. */
static unsigned askable_ask(struct thread **t, unsigned n,
			    const struct threads_look *l)
{
	struct thread *ask[SNAPSHOT_SLOTS];
	unsigned nask = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		enum looked r = one_look(t[i], l);
		enum thread_asks a =
		    r == LOOKED_RUNS ? thread_asks(t[i]->tid) : THREAD_ENDED;

		if (r == LOOKED_DONE)
			stubs_clear &= !t[i]->in_stub;
		if (a == THREAD_ASKABLE)
			ask[nask++] = t[i];
		else if (a == THREAD_BLOCKS)
			t[left++] = t[i];
	}
	running_ask(ask, nask, l);
	return left;
}

/*
 * libc blocks all signals for an instant now and then (pthread_create), and a
 * handler may: those threads get some time before they count as unseen.
 */
static void running_look(struct thread **t, unsigned n,
			 const struct threads_look *l)
{
	struct timespec instant = {0, BLOCKING_NS};

	if (!snapshot_possible()) {
		for (unsigned i = 0; i < n; i++)
			unseen(t[i], l,
			       "it runs, and the program has taken the "
			       "signals to ask it by");
		return;
	}
	for (int i = 0; n && i < BLOCKING_TRIES; i++) {
		if (i)
			nanosleep(&instant, NULL);
		n = askable_ask(t, n, l);
	}
	for (unsigned i = 0; i < n; i++)
		unseen(t[i], l, "it runs and blocks all signals");
}

/* --- all of them ---------------------------------------------------------- */

/* Where TID's number in `all`, counted from 1, is or goes. */
static uint32_t *tid_slot(pid_t tid)
{
	size_t mask = 2 * cap - 1, i = (uint32_t)tid * 2654435761u & mask;

	while (by_tid[i] && all[by_tid[i] - 1].tid != tid)
		i = (i + 1) & mask;
	return &by_tid[i];
}

/* NULL: it is in no listing. */
static struct thread *thread_known(pid_t tid)
{
	uint32_t n = cap ? *tid_slot(tid) : 0;

	return n ? &all[n - 1] : NULL;
}

static int grow(void)
{
	size_t more = cap ? cap * 2 : 256;
	struct thread *t = pages(more * sizeof(*t));
	uint32_t *h = pages(2 * more * sizeof(*h));

	if (!t || !h) {
		if (t)
			munmap(t, more * sizeof(*t));
		return -1;
	}
	if (all) {
		memcpy(t, all, nall * sizeof(*t));
		munmap(all, cap * sizeof(*t));
		munmap(by_tid, 2 * cap * sizeof(*by_tid));
	}
	all = t;
	by_tid = h;
	cap = more;
	for (size_t i = 0; i < nall; i++)
		*tid_slot(all[i].tid) = (uint32_t)i + 1;
	return 0;
}

/* The entry of TID. NULL: out of memory. */
static struct thread *thread_entry(pid_t tid)
{
	uint32_t *slot;

	if (nall == cap && grow() < 0)
		return NULL;
	slot = tid_slot(tid);
	if (!*slot) {
		memset(&all[nall], 0, sizeof(*all));
		all[nall++].tid = tid;
		*slot = (uint32_t)nall;
	}
	return &all[*slot - 1];
}

/* Forgets those that the last listing did not have; the order stays. */
static void entries_sweep(void)
{
	size_t n = 0;

	for (size_t i = 0; i < nall; i++)
		if (all[i].round == round_now) {
			if (n != i)
				all[n] = all[i];
			n++;
		}
	if (n == nall)
		return;
	nall = n;
	memset(by_tid, 0, 2 * cap * sizeof(*by_tid));
	for (size_t i = 0; i < nall; i++)
		*tid_slot(all[i].tid) = (uint32_t)i + 1;
}

static int threads_list(void)
{
	pid_t own = (pid_t)syscall(SYS_gettid);
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int r = d ? 0 : -1;

	round_now++;
	while (r == 0 && (e = readdir(d)) != NULL) {
		pid_t tid = (pid_t)atoi(e->d_name);
		struct thread *t;

		if (tid <= 0 || tid == own)
			continue;
		t = thread_entry(tid);
		if (t)
			t->round = round_now;
		else
			r = -1;
	}
	if (d)
		closedir(d);
	entries_sweep();
	return r;
}

static int prepare(void)
{
	maps_forget();
	if (!window)
		window = pages(STACK_MAX);
	return window ? 0 : -1;
}

/* The window's copies must not be found as holders afterwards. */
static void finish(void)
{
	if (window_used > WINDOW_KEPT)
		madvise(window, window_used, MADV_DONTNEED);
	else
		memset(window, 0, window_used);
	window_used = 0;
}

static bool enough(const struct threads_look *l)
{
	return l->enough && l->enough(l->arg);
}

/* How many of them there still are; -1: those looked at were enough. */
static ssize_t all_look(const struct threads_look *l)
{
	struct thread *run[SNAPSHOT_SLOTS];
	unsigned nrun = 0;
	ssize_t there = (ssize_t)nall;

	stubs_clear = true;
	for (size_t i = 0; i < nall && !enough(l); i++) {
		enum looked r = blocked_look(&all[i], l);

		if (r == LOOKED_DONE)
			stubs_clear &= !all[i].in_stub;
		if (r == LOOKED_GONE)
			there--;
		if (r != LOOKED_RUNS)
			continue;
		run[nrun++] = &all[i];
		if (nrun == SNAPSHOT_SLOTS) {
			running_look(run, nrun, l);
			nrun = 0;
		}
	}
	if (nrun && !enough(l))
		running_look(run, nrun, l);
	finish();
	if (!enough(l))
		return there;
	stubs_clear = false;
	return -1;
}

/* Whether there are as many threads as we know. */
static bool as_many(void)
{
	return thread_count() == nall + 1;
}

/* Adds those of processes to what we know: to list a thread that is new in
 * /proc takes 4 us. What is known then has been so before it is counted. */
static bool as_many_processes(void)
{
	size_t room = process_count(), n;
	pid_t *tids = room ? pages(room * sizeof(*tids)) : NULL;

	if (!tids)
		return false;
	n = process_tids(tids, room);
	for (size_t i = 0; i < n; i++) {
		struct thread *t = thread_entry(tids[i]);

		if (!t)
			break;
		t->round = round_now;
	}
	munmap(tids, room * sizeof(*tids));
	return as_many();
}

/*
 * If there are as many threads as we know, and afterwards all that we know are
 * still there, they are the same: that spares the listing, the dearest part
 * when none has run.
 */
int threads_look(const struct threads_look *l)
{
	ssize_t there = 0;

	stubs_clear = false;
	table_then = *hw_guest.program->table;
	if (prepare() < 0)
		return -1;
	if (as_many() || as_many_processes())
		there = all_look(l);
	if (there < 0 || (there && there == (ssize_t)nall))
		return 0;
	stubs_clear = false;
	if (threads_list() < 0)
		return -1;
	all_look(l);
	return 0;
}

void threads_look_one(const struct threads_look *l, pid_t tid)
{
	static struct thread other;
	struct thread *t = thread_known(tid);

	stubs_clear = false;
	if (prepare() < 0)
		return;
	other = (struct thread){.tid = tid};
	if (!t)
		t = &other;
	if (blocked_look(t, l) == LOOKED_RUNS)
		running_look(&t, 1, l);
	stubs_clear = false;
	finish();
}

int threads_each(int (*each)(void *arg, pid_t tid), void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < nall; i++)
		r = each(arg, all[i].tid);
	return r;
}

bool threads_stubs_clear(void)
{
	return stubs_clear && table_then == *hw_guest.program->table;
}

void threads_judged(pid_t tid, uintptr_t from, uintptr_t to, uintptr_t top)
{
	struct thread *t = thread_known(tid);

	if (!t)
		return;
	if (home_has(t, top - 1))
		t->top = top >> 4;
	if (!t->at_home) {
		t->away = from >> 4;
		t->away_end = to >> 4;
	}
}

/*
 * What of T's own stack was judged. Others may have written to the stack of one
 * that slept, so only its dead part was; but nobody does to its struct pthread,
 * which is more than it has of frames.
 */
static void home_add(const struct thread *t, bool is_main)
{
	uintptr_t from = t->home << 4, end = t->home_end << 4, to = end;

	if (t->remembered)
		to = t->sp << 4;
	else if (t->top)
		to = t->top << 4;
	else if (!t->at_home || t->state == STATE_NEW)
		return;
	if (is_main)
		stacks_add_main(from, to);
	else
		stacks_add(from, to);
	if (t->remembered && !is_main && stacks_pthread_size())
		stacks_add(end - stacks_pthread_size(), end);
}

/* From the last to the first, as their stacks lie. */
size_t threads_stacks(const struct hw_span **spans)
{
	if (stacks_begin(3 * nall + 3) < 0)
		return 0;
	for (size_t i = nall; i-- > 0;) {
		const struct thread *t = &all[i];

		home_add(t, t->tid == main_tid);
		if (t->away_end)
			stacks_add(t->away << 4, t->away_end << 4);
	}
	stacks_add((uintptr_t)all, (uintptr_t)(all + cap));
	stacks_add((uintptr_t)window, (uintptr_t)window + STACK_MAX);
	stacks_add((uintptr_t)snapshot_copies(),
		   (uintptr_t)snapshot_copies() +
		       SNAPSHOT_SLOTS * SNAPSHOT_COPY);
	return stacks_end(spans);
}

void threads_start(void)
{
	main_tid = getpid();
	nall = 0; /* a forked child's threads are others */
	if (by_tid)
		memset(by_tid, 0, 2 * cap * sizeof(*by_tid));
	stacks_forget();
	snapshot_start();
}
