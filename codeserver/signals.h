/* SPDX-License-Identifier: MIT
 *
 * Signal handlers as the kernel has them.
 *
 * A sanitizer puts itself between: its sigaction says what the program asked
 * for, not what there is, and its wrapper calls a handler later than the kernel
 * did, with a context of then. So ours are installed by the bare system call,
 * and what was there before can be put back by it.
 *
 * May be called from any thread, and in a signal handler.
 */
#ifndef HW_SIGNALS_H
#define HW_SIGNALS_H

#include <signal.h>

/* As rt_sigaction takes it on x86-64. */
struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags; /* SA_* */
	void (*restorer)(void);
	unsigned long mask; /* 1 << (signal - 1) */
};

/* As sigaction: 0, or -1 and errno. Either may be NULL. */
int kernel_sigaction(int sig, const struct kernel_action *set,
		     struct kernel_action *was);

/* What HANDLER is installed by. FLAGS as SA_*, SA_SIGINFO and the restorer are
 * added. */
struct kernel_action kernel_action(void (*handler)(int, siginfo_t *, void *),
				   unsigned long flags, unsigned long mask);

/* Installs A for the highest real-time signal that is at its default action.
 * Its number, or -errno (EAGAIN: the program has taken them all). */
int signal_take(const struct kernel_action *a);

#endif
