/* SPDX-License-Identifier: MIT
 *
 * How a process sleeps, and how it is seen to sleep.
 *
 * Before it goes to sleep it publishes where its stack ends and which system
 * call it makes there, so that a look at its frames need not read a file of
 * /proc (15 us, and a thousand of them when a purge ends a thousand processes).
 * What it published is true while it is in that very call, and only the kernel
 * knows whether it is: a handler of the program's may run in between, on any
 * stack. The kernel tells for half a microsecond: how many wait at a futex is
 * what a requeue of it to itself returns, and at this one nobody waits but its
 * process. A thread that runs a handler is not in the futex's queue.
 *
 * That was so at one instant. Whoever asks reads the thread's clock before and
 * after, and what it read in between: if the thread has not run it never left.
 *
 * No wrapper of the C library makes the call, since the stack would be
 * another's then. In a cleanup that unwinds out of it, or after a longjmp, what
 * was published stands, and means nothing: nobody is in the queue.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/process-table.h"

/* As syscall(SYS_futex, &p->wake, ...), but negative errors are returned. */
static long sleep_published(struct process *p, uint32_t seen,
			    const struct timespec *end)
{
	register const struct timespec *timeout __asm__("r10") = end;
	register void *none __asm__("r8") = NULL;
	register unsigned long mask __asm__("r9") = FUTEX_BITSET_MATCH_ANY;
	long r = SYS_futex;

	__asm__ volatile(
	    "leaq 1f(%%rip), %%r11\n\t"
	    "movq %%r11, %[pc]\n\t"
	    "movq %%rbp, %%r11\n\t"
	    "notq %%r11\n\t"
	    "movq %%r11, %[not_bp]\n\t"
	    "movq %%rsp, %[sp]\n\t"
	    "syscall\n"
	    "1:\n\t"
	    "movq $0, %[sp]"
	    : "+a"(r), [pc] "=m"(p->sleep_pc), [not_bp] "=m"(p->sleep_not_bp),
	      [sp] "=m"(p->sleep_sp)
	    : "D"(&p->wake), "S"(FUTEX_WAIT_BITSET_PRIVATE), "d"(seen),
	      "r"(timeout), "r"(none), "r"(mask)
	    : "rcx", "r11", "memory");
	return r;
}

/* What came after SEEN was read has changed the word. */
bool process_sleep(struct process *p, uint32_t seen, uint64_t end)
{
	struct timespec t = {(time_t)(end / 1000000000),
			     (long)(end % 1000000000)};
	long r;

	if (spin_while(&p->spin, &p->wake, seen))
		return true;
	__atomic_store_n(&p->waiting, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->sleeps, 1, __ATOMIC_SEQ_CST);
	r = sleep_published(p, seen, end ? &t : NULL);
	__atomic_store_n(&p->sleeps, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&p->waiting, 0, __ATOMIC_SEQ_CST);
	return r != -ETIMEDOUT;
}

uint64_t wait_end(int timeout_ms)
{
	return timeout_ms < 0 ? 0 : kill_now() + (uint64_t)timeout_ms * 1000000;
}

/* The word is looked at without the lock: it may be gone by then, and another
 * may wait at its place, but then the thread has run. */
bool process_sleeps(pid_t tid, struct process_asleep *a)
{
	const struct process *p;
	const uint32_t *word = NULL;

	if (!__atomic_load_n(&processes.n, __ATOMIC_RELAXED))
		return false;
	processes_lock();
	p = process_find_tid(tid);
	if (p) {
		a->sp = __atomic_load_n(&p->sleep_sp, __ATOMIC_ACQUIRE);
		a->pc = __atomic_load_n(&p->sleep_pc, __ATOMIC_RELAXED);
		a->bp = ~__atomic_load_n(&p->sleep_not_bp, __ATOMIC_RELAXED);
		a->thread = (uintptr_t)p->thread;
		word = &p->wake;
	}
	processes_unlock();
	return word && a->sp &&
	       syscall(SYS_futex, word, FUTEX_REQUEUE_PRIVATE, 0, 1ul, word) ==
		   1;
}
