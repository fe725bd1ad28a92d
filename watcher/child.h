/* SPDX-License-Identifier: MIT
 *
 * A program that runs in the foreground on our terminal, as if it had been
 * started without us: signals, job control and its end pass through.
 *
 * One child a process; loop thread. The struct is the caller's until the loop
 * has run dry after child_close.
 */
#ifndef WATCHER_CHILD_H
#define WATCHER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

/*
 * To be called first, before any thread is made: from here on signals that
 * are meant for the child do not end this process. child_told_to_end: one
 * that would have ended the child came already; its number, else 0.
 */
void child_prepare(void);
int child_told_to_end(void);

struct child {
	pid_t pid;
	bool ended;
	int status; /* what a shell would say: 0-255, 128 + signal */
	void (*done)(struct child *c, void *arg); /* it has ended */
	void *arg;

	/* Private. */
	int signals; /* signalfd */
	uv_poll_t poll;
	uv_signal_t chld;
};

/* Starts PATH with ARGV on LOOP. 0, or -1 and *err. */
int child_start(struct child *c, uv_loop_t *loop, const char *path,
		char *const *argv, char **err);
void child_close(struct child *c);

#endif
