/* SPDX-License-Identifier: MIT
 *
 * HOT_ON_LOAD: a function of the new version, run in a process of its own
 * before that version becomes current. HOT_CODE_CHANGE is run likewise.
 */
#ifndef HW_ONLOAD_H
#define HW_ONLOAD_H

#include "codeserver/guest.h"
#include "codeserver/include/hotwatch/process.h"

struct on_load_run;
struct on_load {
	const struct hw_mod *mod;
	/* 0: it returned 0. -1: it returned something else, or died. */
	void (*done)(struct on_load *o, int result);
	const struct hw_change *change; /* what a code_change is given */
	int returned;                   /* what it returned, if it did */
	bool died;
	hw_pid pid;
	struct on_load_run *run; /* ours */
};

/* The code server's thread; DONE is called there. 0, or -1: no process could
 * be made (DONE is not called). */
int on_load_start(struct on_load *o, int (*fn)(void));

/* Whether thread TID runs the on_load of M now: its qualified calls of a
 * module that is not loaded yet are undef, since it would wait for itself. */
bool on_load_runs(const struct hw_mod *m, pid_t tid);

/* In a forked child: those that run, run in the parent. */
void on_load_forked(void);

#endif
