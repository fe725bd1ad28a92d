/* SPDX-License-Identifier: MIT
 *
 * What process-stop.c asks of process-safe.c and process-barrier.c, and that of
 * it. All but stop_calls_find and guard's registration may be called in a
 * signal handler.
 */
#ifndef HW_PROCESS_STOP_H
#define HW_PROCESS_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Before the first spawn. */
void stop_calls_find(void);

/* Whether the function that begins at START is a call of the C library that
 * may be broken off where it blocks. */
bool stop_call_known(uintptr_t start);

/* Whether it is an allocator's. */
bool guard_has(uintptr_t start);

/* Whether a call at PC in the function at START would find its cleanups in
 * LSDA (0: there is none). */
bool lsda_covers(uintptr_t lsda, uintptr_t start, uintptr_t pc);

struct process;

/* Of the calling thread: whether the program lets it be cancelled. */
bool may_end(void);

/*
 * P is the calling process. Plants its barrier, if it has one, in place of the
 * return address at AT; and takes it away, where SP is the end of the stack.
 */
void barrier_plant(struct process *p, uintptr_t at);
void barrier_remove(struct process *p, uintptr_t sp);

#endif
