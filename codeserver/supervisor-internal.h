/* SPDX-License-Identifier: MIT
 *
 * What a supervisor's files share: supervisor.c decides, supervisor-child.c
 * starts and ends, both in the supervisor's own process; supervisor-ask.c asks,
 * in any thread.
 */
#ifndef HW_SUPERVISOR_INTERNAL_H
#define HW_SUPERVISOR_INTERNAL_H

#include "codeserver/include/hotwatch/supervisor.h"
#include "codeserver/process-table.h"

struct child {
	struct ring in; /* supervisor->children, the oldest first */
	struct hw_child spec;
	char id[HW_CHILD_ID_MAX]; /* spec.id points here */
	hw_pid pid;               /* 0: it does not run */
	bool restarting;
};

/* NULL: no memory, or a bad specification. */
struct child *child_new(const struct hw_child *spec);
/* Takes it out of its ring. NULL is none. */
void child_free(struct child *c);
struct child *child_find(const struct ring *children, const char *id);

/* 0, HW_IGNORE, or an error. */
int child_start(struct child *c);
/* Ends it, and waits until it is gone. */
void child_stop(struct child *c);

/* Those from FIRST (NULL: the oldest) on, the youngest first. A temporary one
 * goes for good; but KEEP (NULL: none) does not. */
void children_stop(struct ring *children, struct child *first,
		   const struct child *keep);
/* Those from FIRST on that do not run, in order: the first one that failed, or
 * NULL. */
struct child *children_start(struct ring *children, struct child *first);

/* --- what it is asked ----------------------------------------------------- */

enum supervisor_op {
	START_CHILD,
	TERMINATE_CHILD,
	RESTART_CHILD,
	DELETE_CHILD,
	WHICH_CHILDREN,
	TRY_AGAIN /* its own, as a cast */
};

struct supervisor_request {
	enum supervisor_op op;
	struct hw_child child;
	char id[HW_CHILD_ID_MAX];
};

struct supervisor_answer {
	int result;
	char reason[HW_REASON_MAX];
	hw_pid pid;
	size_t n;
	struct hw_child_info children[];
};

#endif
