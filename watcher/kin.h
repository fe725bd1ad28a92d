/* SPDX-License-Identifier: MIT
 *
 * Who descends from whom, and what a program left running, as /proc tells.
 */
#ifndef WATCHER_KIN_H
#define WATCHER_KIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* PID is FROM, or was started by it or by one of its descendants. */
bool kin_descends(pid_t pid, pid_t from);

/* When PID was started, in the kernel's clock ticks; 0: it is gone. */
unsigned long long kin_started(pid_t pid);

/* The same in Unix ms; 0: it is gone. */
int64_t kin_started_at(pid_t pid);

/*
 * Processes of the executable PROGRAM that went into the background: started
 * no earlier than SINCE (of kin_started), and either without a terminal or in
 * our own session. Gives how many there are; *pid is one of them.
 */
int kin_background(const char *program, unsigned long long since, pid_t *pid);

#endif
