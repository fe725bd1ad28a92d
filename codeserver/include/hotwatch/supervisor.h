/* SPDX-License-Identifier: MIT
 *
 * Erlang's behaviour `supervisor`: a process that starts others, and starts
 * them again when they end. It is a gen_server of the library's: system
 * messages (hotwatch/sys.h) reach it like any other, and its code_change calls
 * init again and takes over what that says.
 *
 * A child that a purge killed (it would not leave old code) is one that ended
 * "killed": it starts again, in new code.
 *
 * Results: 0, or a negative errno value with a word (hw_call_reason); beside
 * those of hw_gen_server_call:
 *	-EEXIST		already_started, already_present (it does not run)
 *	-ENOENT		not_found
 *	-EBUSY		running, restarting: it is to be terminated first
 *	-ECHILD		what its start function failed of
 */
#ifndef HOTWATCH_SUPERVISOR_H
#define HOTWATCH_SUPERVISOR_H

#include <hotwatch/gen_server.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hw_restart {
	HW_PERMANENT, /* always started again */
	HW_TRANSIENT, /* not after "normal" and "shutdown" */
	HW_TEMPORARY  /* never; its specification goes with it */
};

#define HW_INFINITY (-1)
#define HW_BRUTAL_KILL (-2)

/* Copied, id and all, but for what ARG points to. */
struct hw_child {
	const char *id; /* unique; less than HW_CHILD_ID_MAX bytes */
	/*
	 * Starts it: 0 and *PID, which it links; HW_IGNORE; or an error.
	 * hw_gen_server_start with `link` is meant. It runs in a process of its
	 * own that stands for the supervisor, which waits: whatever it links is
	 * linked to the supervisor. If it exits or is killed, that is an error.
	 */
	int (*start)(void *arg, hw_pid *pid);
	void *arg;
	enum hw_restart restart;
	/* How long it may take to end by "shutdown" before it is killed. 0:
	 * 5 s. HW_BRUTAL_KILL: it is killed at once. */
	int shutdown_ms;
	bool supervisor; /* it is one itself */
};
#define HW_CHILD_ID_MAX 64

enum hw_strategy {
	HW_ONE_FOR_ONE,  /* the one that ended */
	HW_ONE_FOR_ALL,  /* all, after the others were terminated */
	HW_REST_FOR_ONE, /* that one, and those that were started after it */
};

/* Preset when init is called: one for one, 1 in 5 s, no children. More than
 * `intensity` restarts within `period_s`, and it terminates its children and
 * ends "shutdown". The children are copied when init has returned. */
struct hw_supervisor {
	enum hw_strategy strategy;
	unsigned intensity, period_s;
	const struct hw_child *children; /* started in this order */
	size_t nchildren;
};
/* 0, HW_IGNORE, or an error. */
typedef int hw_supervisor_init(void *arg, struct hw_supervisor *s);

/* As hw_gen_server_start; if a child does not start, those before it are
 * terminated and the reason is "shutdown". */
int hw_supervisor_start(hw_supervisor_init *init, void *arg,
			const struct hw_spawn_options *options, hw_pid *pid);

/* Also HW_IGNORE. A child whose start fails is not kept. */
int hw_supervisor_start_child(hw_pid supervisor, const struct hw_child *child,
			      hw_pid *pid);
/* The specification stays, but a temporary one's. */
int hw_supervisor_terminate_child(hw_pid supervisor, const char *id);
/* One that does not run. */
int hw_supervisor_restart_child(hw_pid supervisor, const char *id, hw_pid *pid);
int hw_supervisor_delete_child(hw_pid supervisor, const char *id);

struct hw_child_info {
	char id[HW_CHILD_ID_MAX];
	hw_pid pid;      /* 0: it does not run */
	bool restarting; /* its start failed, and is tried again */
	bool supervisor;
	enum hw_restart restart;
};
/* Up to MAX, in the order of their start; how many there are, or an error. */
long hw_supervisor_which_children(hw_pid supervisor,
				  struct hw_child_info *children, size_t max);

struct hw_child_counts {
	size_t specs, active, supervisors, workers;
};
int hw_supervisor_count_children(hw_pid supervisor,
				 struct hw_child_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
