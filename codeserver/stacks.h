/* SPDX-License-Identifier: MIT
 *
 * Where the stacks of threads lie.
 */
#ifndef HW_STACKS_H
#define HW_STACKS_H

#include <sys/types.h>

#include "codeserver/guest.h"

/* In a forked child: the thread that ours was is gone. */
void stacks_forget(void);

/* What the kernel knows of TID's struct pthread; 0: nothing. It changes when
 * the number is another thread's. */
uintptr_t stacks_robust_head(pid_t tid);

/* The same of THREAD, a pthread_t; 0: it cannot be told. */
uintptr_t stacks_robust_head_of(uintptr_t thread);

/* The thread pointer of TID, where its thread-local storage is; 0: it cannot be
 * told, or the thread has not begun. */
uintptr_t stacks_thread_pointer(pid_t tid);

/* The stack of the thread with that head, all of it: libc's struct pthread, of
 * stacks_pthread_size bytes, is its end (not on the main thread's). {0, 0}: it
 * cannot be told. */
struct hw_span stacks_home(uintptr_t robust_head);
size_t stacks_pthread_size(void); /* 0: not known */

/*
 * Spans that a search of memory passes over, in order of address: those added
 * (there is room for N), ours, and those of threads that have ended, which
 * libc keeps for the next. After maps_read.
 */
int stacks_begin(size_t n);
void stacks_add(uintptr_t from, uintptr_t to);
/* The main thread's, which grows, and so does its dead part. */
void stacks_add_main(uintptr_t from, uintptr_t to);
size_t stacks_end(const struct hw_span **spans);

#endif
