/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells of a thread of this process.
 */
#ifndef HW_THREAD_PROC_H
#define HW_THREAD_PROC_H

#include "codeserver/snapshot.h"

/* Nanoseconds it has had on a processor, and one more; 0: it is gone. */
uint64_t thread_cpu(pid_t tid);

/* 1: it is blocked in a call; S has where it stands and the call's arguments,
 * and nothing else. 0: it runs, or is stopped in between. -1: it is gone. */
int thread_blocked(pid_t tid, struct snapshot *s);

/* Whether it can be asked by our signal. */
enum thread_asks {
	THREAD_ASKABLE,
	THREAD_BLOCKS,
	THREAD_ENDED
};
enum thread_asks thread_asks(pid_t tid);

/* Its name, or "". */
void thread_name(pid_t tid, char name[16]);

/* Threads of the process, ours too; 0: not known. */
size_t thread_count(void);

#endif
