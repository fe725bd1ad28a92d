/* SPDX-License-Identifier: MIT
 *
 * What the other parts of the code server ask of processes.
 *
 * Any thread but a signal handler may call these. They take the processes'
 * lock, under which nothing blocks and no code of the program runs, so the code
 * server's thread may call them at any time. Where there are no processes they
 * cost one load.
 */
#ifndef HW_PROCESS_INTERNAL_H
#define HW_PROCESS_INTERNAL_H

#include "codeserver/include/hotwatch/process.h"

/* The process whose thread has that number; 0: the thread is foreign. A process
 * is this until all its frames are gone; what then runs on in its thread (the
 * destructors of thread-specific data) is a foreign thread's. */
hw_pid process_of_tid(pid_t tid);

/*
 * Whether that thread is a process that slept in its mailbox at one instant of
 * the call, and where: the stack and frame pointers and the instruction that
 * the kernel would return to, and its pthread_t. False: it did not, or it is
 * not known.
 */
struct process_asleep {
	uintptr_t sp, bp, pc, thread;
};
bool process_sleeps(pid_t tid, struct process_asleep *a);

/* The numbers of processes' threads, MAX at most. */
size_t process_tids(pid_t *tids, size_t max);
size_t process_count(void);

#define PROCESSES_KILLED 64 /* under one lock */

/*
 * Begins to end N processes (at most PROCESSES_KILLED), untrappably; others
 * will hear REASON ("killed"). Those that are gone are passed over. Does not
 * wait: ask process_exists, or hear process_on_exit.
 */
void processes_kill(const hw_pid *pids, size_t n, const char *reason);

bool process_exists(hw_pid pid);

/* A gen_server or special process of module M that is not suspended, so that
 * its state must be of the layout that current code expects; 0: there is none.
 * In a hot program. */
struct hw_mod;
hw_pid process_awake(const struct hw_mod *m);
/* The module of its callbacks; NULL: it has none, or is gone. */
const struct hw_mod *process_module(hw_pid pid);

/* Its registered name, cut to SIZE - 1 bytes, or "". */
void process_name(hw_pid pid, char *name, size_t size);

/*
 * Calls FN in the code server's thread for each process that has ended, before
 * the watchers are told; set once, by the code server's thread. A purge counts
 * its victims so, instead of asking again and again. NULL: nobody.
 */
typedef void process_exit_fn(hw_pid pid, const char *name, const char *reason);
void process_on_exit(process_exit_fn *fn);

/* What keeps processes from being ended wherever they block; NULL: nothing. */
const char *stop_limit(void);

/* A signal that asks threads to end is on its way only with this number (0:
 * none yet): threads.c leaves it alone. */
int process_signal(void);

/*
 * No process is ended inside the allocator, also one that is hot-built: its
 * functions are noted here by address when a version is published. The code
 * server's thread.
 */
struct hw_module;
void process_guard(const struct hw_module *desc);

#endif
