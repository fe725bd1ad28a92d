/* SPDX-License-Identifier: MIT
 *
 * A child process whose output is captured: the compiler, the linker. Loop
 * thread only.
 */
#ifndef WATCHER_PROC_H
#define WATCHER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct proc;

struct proc_result {
	bool ok;            /* it ran and exited with 0 */
	int status, signal; /* as it ended */
	const char *output; /* stdout and stderr as they were mixed */
};

typedef void proc_done(const struct proc_result *r, void *arg);

/*
 * Runs ARGV (found in PATH) in DIR with the environment ENV and, if it is not
 * negative, the descriptor IN as its stdin (it stays the caller's). DONE is
 * called once, later, also if it could not be started: then the output says so.
 * Never NULL; the handle is valid until DONE is called.
 */
struct proc *proc_run(uv_loop_t *loop, char *const *argv, char *const *env,
		      const char *dir, int in, proc_done *done, void *arg);

/* Kills it and what it started; DONE comes as ever. */
void proc_kill(struct proc *p);

#endif
