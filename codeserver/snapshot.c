/* SPDX-License-Identifier: MIT
 *
 * A thread that runs takes its own picture: it gets a signal, and the handler
 * looks through its stack for words that point into the arena, notes them with
 * the registers, and goes on. Only if a word is suspicious the stack is copied
 * too, SNAPSHOT_COPY bytes at most: that is what an unwinder needs, and takes
 * 30 us. Nobody waits for anybody but the code server for the answers, for a
 * while: all are asked at once, since each answers when the scheduler lets it.
 *
 * The handler takes no lock, calls nothing of libc, and writes to its slot
 * only. Nothing here or in maps.c is instrumented (meson.build): a sanitizer
 * keeps books of a thread that are gone before the thread is, and a handler
 * that then entered a function of its would die there. A slot is answered by a
 * compare-and-swap on its state, so an answer that comes too late changes
 * nothing. It runs on the program's alternate stack if there is one
 * (SA_ONSTACK): a coroutine's stack may be small.
 *
 * The signal is the highest real-time one that the program does not use. A
 * thread that blocks all signals is never asked (threads.c), so that none pile
 * up.
 *
 * All signals are blocked in the handler, so a fault there would end the
 * program without a word. Its own stack, from the stack pointer up, cannot
 * fault. How far another stack goes (a coroutine's) is only known by the list
 * of mappings, and neighbours in one mapping may be unmapped by other threads
 * meanwhile: that is read by process_vm_readv, which fails instead.
 */
#include "codeserver/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "codeserver/maps.h"
#include "codeserver/signals.h"

#define ANSWER_MS 250 /* how long running threads are waited for */

enum {
	ASK_IDLE,
	ASK_OPEN,  /* the thread may answer */
	ASK_TAKEN, /* the handler is at it */
	ASK_ANSWERED,
};

static struct ask {
	int state;
	pid_t tid;
	uintptr_t home_from, home_to;
	/* its answer */
	bool at_home;
	uint64_t not_reg[CFI_REGS];
	uint64_t not_from, not_seen;
	size_t copied;
	uint64_t ticks;
	struct snapshot_words words;
} * asks; /* SNAPSHOT_SLOTS, mapped */

static unsigned char *copies; /* SNAPSHOT_SLOTS * SNAPSHOT_COPY */
static int signal_number;     /* 0, or -errno: none to be had */
uint64_t suspects[HW_ARENA_SIZE >> 16 >> 6];
static uint64_t tick_zero;
static struct snapshot_pauses pauses;
static struct timespec time_zero;

void suspects_clear(void)
{
	memset(suspects, 0, sizeof(suspects));
}

void suspects_add(uintptr_t from, uintptr_t to)
{
	for (uintptr_t p = from & ~0xfffful; p < to; p += 0x10000) {
		uintptr_t bit = (p - HW_ARENA_BASE) >> 16;

		if (p - HW_ARENA_BASE < HW_ARENA_SIZE)
			suspects[bit / 64] |= 1ul << bit % 64;
	}
}

static void word_note(struct snapshot_words *w, uintptr_t word, uint32_t at,
		      bool mangled)
{
	w->suspicious |= suspect(word);
	if (w->n == SNAPSHOT_WORDS) {
		w->more = true;
		return;
	}
	w->word[w->n].at = at;
	w->word[w->n].offset = (uint32_t)(word - HW_ARENA_BASE) & 0x7fffffff;
	w->word[w->n++].mangled = mangled;
}

void words_gather(struct snapshot_words *w, const uintptr_t *word, size_t n,
		  uint32_t at)
{
	const volatile uintptr_t *p = word;

	for (size_t i = 0; i < n; i++) {
		uintptr_t v = p[i], d = demangle(v);

		if (v - HW_ARENA_BASE < HW_ARENA_SIZE)
			word_note(w, v, at + (uint32_t)i, false);
		else if (d - HW_ARENA_BASE < HW_ARENA_SIZE)
			word_note(w, d, at + (uint32_t)i, true);
	}
}

/* --- the handler ---------------------------------------------------------- */

/* memcpy would be a sanitizer's. */
static void copy(unsigned char *to, uintptr_t from, size_t n)
{
	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

/* DWARF's order from the kernel's. */
static const unsigned char greg_of[CFI_REGS] = {REG_RAX, REG_RDX, REG_RCX,
						REG_RBX, REG_RSI, REG_RDI,
						REG_RBP, REG_RSP, REG_R8,
						REG_R9,  REG_R10, REG_R11,
						REG_R12, REG_R13, REG_R14,
						REG_R15, REG_RIP};

/* The end of the stack that SP is on; 0: of none that we know. */
static uintptr_t stack_end(struct ask *a, uintptr_t sp)
{
	const struct map *m;

	a->at_home = sp >= a->home_from && sp < a->home_to;
	if (a->at_home)
		return a->home_to;
	m = maps_find(sp);
	if (!m || !m->read)
		return 0;
	if (map_to(m) - sp + SNAPSHOT_RED_ZONE < SNAPSHOT_COPY)
		return map_to(m);
	return (sp - SNAPSHOT_RED_ZONE + SNAPSHOT_COPY) & ~7ul;
}

static unsigned char *copy_of(const struct ask *a)
{
	return copies + (size_t)(a - asks) * SNAPSHOT_COPY;
}

/* [FROM, END) of a stack that is not the thread's own. 0 or -1. The flags are a
 * long: of an int the caller of a variadic function leaves half as it was. */
static int away_copy(struct ask *a, uintptr_t from, uintptr_t end)
{
	size_t n = end - from;
	struct iovec local = {copy_of(a), n}, remote = {(void *)from, n};

	if (n > SNAPSHOT_COPY || syscall(SYS_process_vm_readv, getpid(), &local,
					 1, &remote, 1, 0ul) != (long)n)
		return -1;
	a->copied = n;
	return 0;
}

static void answer(struct ask *a, const ucontext_t *context)
{
	const greg_t *g = context->uc_mcontext.gregs;
	uintptr_t sp = (uintptr_t)g[REG_RSP], from, end;
	const uintptr_t *stack;

	for (int i = 0; i < CFI_REGS; i++)
		a->not_reg[i] = ~(uint64_t)g[greg_of[i]];
	for (int i = 0; i < CFI_REGS; i++) {
		uintptr_t v = (uintptr_t)g[greg_of[i]];

		a->words.suspicious |= suspect(v);
	}
	from = (sp - SNAPSHOT_RED_ZONE) & ~7ul;
	end = stack_end(a, sp);
	a->not_from = ~from;
	a->not_seen = ~end;
	if (end <= from || (!a->at_home && away_copy(a, from, end) < 0)) {
		a->words.more = true;
		a->not_seen = ~from;
		return;
	}
	stack = a->at_home ? (const uintptr_t *)from
			   : (const uintptr_t *)copy_of(a);
	words_gather(&a->words, stack, (end - from) / 8, 0);
	if (!a->words.suspicious || !a->at_home)
		return;
	a->copied = end - from < SNAPSHOT_COPY ? end - from : SNAPSHOT_COPY;
	copy(copy_of(a), from, a->copied);
}

/*
 * The thread has blocked between our look and our signal, and the kernel broke
 * off its call, with EINTR if it is one of those that SA_RESTART does not
 * cover (poll, nanosleep). It is made again: `mov $nr,%eax; syscall` is how
 * libc makes it. Ours is the highest signal, so the last to be delivered: if
 * another one is there too, its handler is what we interrupt, not the call.
 */
static void call_restart(ucontext_t *context)
{
	greg_t *g = context->uc_mcontext.gregs;
	const unsigned char *b = (const unsigned char *)g[REG_RIP] - 7;

	if (g[REG_RAX] != -EINTR || b[0] != 0xb8 || b[5] != 0x0f ||
	    b[6] != 0x05)
		return;
	g[REG_RAX] = b[1] | b[2] << 8 | b[3] << 16 | b[4] << 24;
	g[REG_RIP] -= 2;
}

static void handler(int sig, siginfo_t *info, void *context)
{
	uint64_t began = __builtin_ia32_rdtsc();
	struct ask *a =
	    &asks[(unsigned)info->si_value.sival_int % SNAPSHOT_SLOTS];
	int open = ASK_OPEN, e = errno;

	(void)sig;
	if (__atomic_load_n(&a->tid, __ATOMIC_ACQUIRE) ==
		(pid_t)syscall(SYS_gettid) &&
	    __atomic_compare_exchange_n(&a->state, &open, ASK_TAKEN, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		answer(a, context);
		a->ticks = __builtin_ia32_rdtsc() - began;
		__atomic_store_n(&a->state, ASK_ANSWERED, __ATOMIC_RELEASE);
	}
	call_restart(context);
	errno = e;
}

/* --- asking --------------------------------------------------------------- */

static void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void snapshot_start(void)
{
	struct kernel_action action =
	    kernel_action(handler, SA_RESTART | SA_ONSTACK, ~0ul);
	size_t bytes = SNAPSHOT_SLOTS * sizeof(*asks);

	if (!asks)
		asks = pages(bytes);
	if (!copies)
		copies = pages((size_t)SNAPSHOT_SLOTS * SNAPSHOT_COPY);
	if (!asks || !copies)
		return;
	memset(asks, 0, bytes); /* a forked child's: nobody was asked */
	if (signal_number <= 0)
		signal_number = signal_take(&action);
	clock_gettime(CLOCK_MONOTONIC, &time_zero);
	tick_zero = __builtin_ia32_rdtsc();
}

/* The program may have taken the signal; a handler may never have ended. */
bool snapshot_possible(void)
{
	struct kernel_action k;

	if (signal_number <= 0 || kernel_sigaction(signal_number, NULL, &k) ||
	    k.handler != handler)
		return false;
	for (unsigned i = 0; i < SNAPSHOT_SLOTS; i++)
		if (__atomic_load_n(&asks[i].state, __ATOMIC_ACQUIRE) ==
		    ASK_TAKEN)
			return false;
	return true;
}

int snapshot_signal(void)
{
	return signal_number;
}

/* 0, or -1: it is gone, or cannot be asked (errno). */
static int slot_ask(unsigned i, pid_t tid, const struct hw_span *home)
{
	struct ask *a = &asks[i];
	siginfo_t info = {.si_signo = signal_number, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = (int)i;
	a->home_from = home->from;
	a->home_to = home->to;
	a->copied = 0;
	a->words.n = 0;
	a->words.more = a->words.suspicious = false;
	__atomic_store_n(&a->tid, tid, __ATOMIC_RELEASE);
	__atomic_store_n(&a->state, ASK_OPEN, __ATOMIC_RELEASE);
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, signal_number,
		    &info) == 0)
		return 0;
	__atomic_store_n(&a->state, ASK_IDLE, __ATOMIC_RELEASE);
	return -1;
}

static void pause_ns(long ns)
{
	struct timespec t = {0, ns};

	nanosleep(&t, NULL);
}

static bool answered(const struct ask *a)
{
	int state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);

	return state == ASK_ANSWERED || state == ASK_IDLE;
}

/* Waits for N answers, at most ANSWER_MS. A thread that ended meanwhile will
 * never answer. */
static void answers_wait(unsigned n)
{
	long waited = 0, step = 20000;
	unsigned i = 0;

	while (waited < ANSWER_MS * 1000000l) {
		while (i < n && answered(&asks[i]))
			i++;
		if (i == n)
			return;
		if (step > 500000 &&
		    syscall(SYS_tgkill, getpid(), asks[i].tid, 0) < 0)
			i++;
		pause_ns(step);
		waited += step;
		if (step < 1000000)
			step *= 2;
	}
}

/* The processor's clock is all that a handler may read; how fast it goes shows
 * in the time since the start. */
static void pause_note(uint64_t ticks)
{
	double all = (double)(__builtin_ia32_rdtsc() - tick_zero), ns;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns = (double)(t.tv_sec - time_zero.tv_sec) * 1e9 +
	     (double)(t.tv_nsec - time_zero.tv_nsec);
	ns *= all > 0 ? (double)ticks / all : 0;
	pauses.threads++;
	pauses.long_ones += ns > SNAPSHOT_LONG_NS;
	if (ns > pauses.longest)
		pauses.longest = (unsigned)ns;
}

/* What became of question I; if there is no answer it is closed. */
static enum snapshot_got slot_close(unsigned i)
{
	struct ask *a = &asks[i];
	int state = ASK_OPEN;

	if (__atomic_compare_exchange_n(&a->state, &state, ASK_IDLE, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return syscall(SYS_tgkill, getpid(), a->tid, 0) < 0
			   ? SNAPSHOT_GONE
			   : SNAPSHOT_SILENT;
	/* It is at it now: it ends soon, or a debugger holds it. */
	for (int k = 0; k < 1000 && state == ASK_TAKEN; k++) {
		pause_ns(50000);
		state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);
	}
	if (state != ASK_ANSWERED)
		return SNAPSHOT_SILENT;
	pause_note(a->ticks);
	return SNAPSHOT_ANSWERED;
}

void snapshot_ask(const pid_t *tid, const struct hw_span *home, unsigned n,
		  enum snapshot_got *got)
{
	bool asked[SNAPSHOT_SLOTS];

	for (unsigned i = 0; i < n; i++) {
		asked[i] = slot_ask(i, tid[i], &home[i]) == 0;
		if (!asked[i])
			got[i] =
			    errno == ESRCH ? SNAPSHOT_GONE : SNAPSHOT_SILENT;
	}
	answers_wait(n);
	for (unsigned i = 0; i < n; i++)
		if (asked[i])
			got[i] = slot_close(i);
}

void snapshot_answer(unsigned i, struct snapshot *s)
{
	const struct ask *a = &asks[i];

	*s = (struct snapshot){.tid = a->tid};
	for (int k = 0; k < CFI_REGS; k++)
		s->reg[k] = ~a->not_reg[k];
	s->known = (1u << CFI_REGS) - 1;
	if (a->at_home)
		s->home = (struct hw_span){a->home_from, a->home_to};
	s->from = ~a->not_from;
	s->seen = ~a->not_seen;
	s->stack = copies + (size_t)i * SNAPSHOT_COPY;
	s->size = a->copied;
	s->words = &a->words;
}

/* What was copied must not be found as a holder afterwards. */
void snapshot_done(void)
{
	for (unsigned i = 0; i < SNAPSHOT_SLOTS; i++) {
		struct ask *a = &asks[i];
		int state = __atomic_load_n(&a->state, __ATOMIC_ACQUIRE);

		if (state != ASK_ANSWERED)
			continue;
		if (a->copied)
			madvise(copies + (size_t)i * SNAPSHOT_COPY,
				SNAPSHOT_COPY, MADV_DONTNEED);
		__atomic_store_n(&a->state, ASK_IDLE, __ATOMIC_RELEASE);
	}
}

const void *snapshot_copies(void)
{
	return copies;
}

struct snapshot_pauses snapshot_pauses(void)
{
	struct snapshot_pauses p = pauses;

	pauses = (struct snapshot_pauses){0, 0, 0};
	return p;
}
