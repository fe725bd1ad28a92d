/* SPDX-License-Identifier: MIT
 *
 * A rehearsal: the old program is run, put to work, upgraded in the middle,
 * brought back, upgraded again; what goes wrong is a finding.
 *
 *   rehearse.c         the order of things
 *   rehearse-find.c    what is found
 *   rehearse-guard.c   the program under watch: where it dies
 *   rehearse-work.c    the user's command, and its requests for the next step
 *   cmd-rehearse-step.c  the other end of such a request
 *
 * A command only; one thread. Children are waited for, and ended at the end.
 */
#ifndef WATCHER_REHEARSE_H
#define WATCHER_REHEARSE_H

#include <stdbool.h>
#include <sys/types.h>

#include "watcher/check.h"
#include "watcher/release.h"

struct rehearsal {
	/* in */
	const struct release *release; /* old is "from", new is "to" */
	const char *program;           /* the old one's path */
	const char *run;     /* the shell's command that starts it, or NULL */
	const char *command; /* the work */
	const char *state;   /* prints the state, or NULL */
	int deadline_ms;     /* for holders to leave */
	const char *scratch;
	struct check_result *r; /* findings go there, and the pauses */
};

/* 0: it was held, and R has what was found; -1 and *err: it could not be. */
int rehearse(const struct rehearsal *h, char **err);

/* --- the program (rehearse-guard.c) --------------------------------------- */

struct guard {
	pid_t pid;  /* of the guard, a child of ours; its group has all */
	int status; /* once it has ended: of what it was started with */
	int notes;  /* what it wrote of deaths, by then; -1: closed */
	char *said; /* the file with what the program printed */
};

/* How a process ended. */
struct guard_death {
	int pid, signal;
	char object[4096]; /* "": not known where */
	unsigned long offset;
};

/* Starts ARGV under a guard, its output going to the file SAID. */
int guard_start(struct guard *g, char *const *argv, const char *said,
		char **err);
/* Whether all that it guarded has ended. The status is a shell's: 128 + the
 * signal that ended it. */
bool guard_ended(struct guard *g);
/* The death of process PID by a signal. False: there was none. */
bool guard_death(struct guard *g, int pid, struct guard_death *d);
void guard_end(struct guard *g); /* ends the program, kindly at first */

/* --- the work (rehearse-work.c) ------------------------------------------- */

struct work {
	pid_t pid;    /* 0: none runs */
	int listener; /* for requests; -1: none */
	int asker;    /* who waits for an answer, or -1 */
	char *socket;
};

enum work_event {
	WORK_ENDED,   /* the command, with a status */
	WORK_ASKS,    /* for the next step */
	WORK_TIME,    /* the time is over */
	WORK_PROGRAM, /* the guard has ended: with it the program */
};

int work_open(struct work *w, const char *scratch, char **err);
void work_close(struct work *w);
int work_start(struct work *w, const char *command, char **err);
/* What comes first; LIMIT_MS -1: no limit. */
enum work_event work_wait(struct work *w, struct guard *g, int limit_ms,
			  int *status);
void work_answer(struct work *w, const char *line);
void work_stop(struct work *w);
/* Runs COMMAND to its end; what it prints, malloc'd. Its status in *STATUS. */
char *work_output(const char *command, const char *scratch, int *status);

#endif
