/* SPDX-License-Identifier: MIT
 *
 * A look at every thread of the program, for those with a word on their stack
 * or in a register that points to a suspect (snapshot.h).
 */
#ifndef HW_THREADS_H
#define HW_THREADS_H

#include "codeserver/snapshot.h"

/* At the start, and in a forked child. */
void threads_start(void);

struct threads_look {
	/* A thread with suspicious words. S is good until the return; false:
	 * the thread has run meanwhile, so forget what it gave. */
	bool (*see)(void *arg, const struct snapshot *s);
	/* One of which nothing could be learnt, and why. */
	void (*unseen)(void *arg, pid_t tid, const char *why);
	/* After each thread: whether that was enough; NULL: never. */
	bool (*enough)(void *arg);
	void *arg;
};

/* All threads but our own. 0, or -1: they could not be listed. */
int threads_look(const struct threads_look *l);
/* One; what it says of a thread that is gone is nothing. */
void threads_look_one(const struct threads_look *l, pid_t tid);

/* Those that the last look listed, until EACH yields something else than 0;
 * yields that. */
int threads_each(int (*each)(void *arg, pid_t tid), void *arg);

/* Whether the last threads_look saw all threads and none of them inside a stub,
 * and no table was replaced since; false after threads_look_one. */
bool threads_stubs_clear(void);

/* A word of a thread's stack, of SNAPSHOT or as it is now. 0 or -1. */
int threads_word(const void *snapshot, uintptr_t at, uint64_t *value);

/* Whether what S, of a blocked thread, was read from still stands. */
bool threads_still(const struct snapshot *s);

/* After a look and a maps_read: the stacks of threads that stand on their own,
 * and ours: the look has judged them, a search of memory must not. In order of
 * address. */
size_t threads_stacks(const struct hw_span **spans);
/* From SEE: on the stack that the thread is on, [from, to) are its frames; the
 * outermost ends at TOP. If that is on its own stack, only what is above is
 * memory like any other. */
void threads_judged(pid_t tid, uintptr_t from, uintptr_t to, uintptr_t top);

#endif
