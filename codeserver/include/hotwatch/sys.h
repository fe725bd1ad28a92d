/* SPDX-License-Identifier: MIT
 *
 * Erlang's module `sys`: any process that obeys system messages can be
 * suspended, have its state changed to what new code expects, and be resumed.
 * gen_servers and supervisors obey them by themselves; a process with a loop of
 * its own does so by hw_sys_handle.
 *
 * The way of an upgrade: suspend, load the new code, change_code, resume. What
 * is sent meanwhile waits in the mailbox and is answered by the new code. Down:
 * suspend, change_code with `down` (by the code that knows both), load, resume.
 *
 * Any thread may call these but a signal handler, for another process than its
 * own. Results: 0, or a negative errno value; hw_call_reason says the word:
 *	-ESRCH		noproc		there is no such process
 *	-EOPNOTSUPP	not_special	it does not take system messages
 *	-ETIMEDOUT	timeout		of TIMEOUT_MS (-1: none); it may still
 *					do as it was told
 *	-ECONNRESET	what it ended of, before it answered
 *	-EBUSY		not_suspended	change_code is for suspended ones
 *	-ENOSYS		undef		its module has no such callback
 *	-ECANCELED	callback_failed, and the state is what it was; of a
 *			code_change that did not return, what it ended of
 *	-ENOMEM, -EINVAL, -EAGAIN (its mailbox is full)
 */
#ifndef HOTWATCH_SYS_H
#define HOTWATCH_SYS_H

#include <hotwatch/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Idempotent, both. */
int hw_sys_suspend(hw_pid pid, int timeout_ms);
int hw_sys_resume(hw_pid pid, int timeout_ms);

/* What a code_change is told. Texts are never NULL for the callback; they are
 * copied, and its own only until it returns. */
struct hw_sys_change {
	const char *module; /* whose code has changed, as hotwatch names it */
	const char *vsn;    /* the old version, up; the one to come, down */
	const char *extra;  /* whatever the two agreed on */
	bool down;
};
int hw_sys_change_code(hw_pid pid, const struct hw_sys_change *change,
		       int timeout_ms);

/* The state as its state_text callback prints it, cut to SIZE - 1 bytes. The
 * number of bytes that there are, or an error. */
long hw_sys_get_state(hw_pid pid, char *text, size_t size, int timeout_ms);

/* FN puts another state in place of the old one, or returns an error. ARG is
 * the caller's, and must be good for as long as FN may run, also past a
 * timeout. */
typedef int hw_sys_replace(void **state, void *arg);
int hw_sys_replace_state(hw_pid pid, hw_sys_replace *fn, void *arg,
			 int timeout_ms);
/* The same, with its state_parse callback. */
int hw_sys_parse_state(hw_pid pid, const char *text, int timeout_ms);

enum hw_sys_count {
	HW_SYS_COUNT_OFF,
	HW_SYS_COUNT_ON, /* from 0 */
	HW_SYS_COUNT_GET /* -ENODATA, "no_statistics", if they are off */
};
struct hw_sys_statistics {
	uint64_t started_ms, now_ms; /* Unix time */
	uint64_t messages_in;        /* received since, calls and all */
	uint64_t messages_out;       /* answers given since */
	uint64_t cpu_us;             /* of its thread; Erlang's reductions */
};
/* COUNT may be NULL but for HW_SYS_COUNT_GET. */
int hw_sys_statistics(hw_pid pid, enum hw_sys_count what,
		      struct hw_sys_statistics *count, int timeout_ms);

struct hw_sys_status {
	hw_pid parent; /* 0: no process */
	bool suspended;
};
int hw_sys_get_status(hw_pid pid, struct hw_sys_status *status, int timeout_ms);

/* Ends it orderly: its terminate callback runs, suspended or not. 0 once it is
 * gone, of that reason. */
int hw_sys_terminate(hw_pid pid, const char *reason, int timeout_ms);

/* --- for those who obey --------------------------------------------------- */

/*
 * What all of them may have; any may be missing. But for `terminate` they run
 * in a process of their own while the one whose state it is waits: so one that
 * exits, or is ended, is an error and no more. (hw_self is that process there;
 * the state is memory like any other.)
 *
 * The state belongs to the callbacks. One that fails must leave the old one as
 * it was: *STATE is put back, what it points to is not. So make a new one, and
 * free the old one last.
 */
struct hw_sys_callbacks {
	/* 0, and *STATE as the current code expects it; or an error. */
	int (*code_change)(void **state, const struct hw_sys_change *change);
	/* Prints as snprintf does, and returns what that returns. */
	int (*state_text)(const void *state, char *text, size_t size);
	/* 0, and *STATE as TEXT says; or an error. */
	int (*state_parse)(void **state, const char *text);
	/* It ends, of REASON, by hw_sys_terminate or its parent's end. */
	void (*terminate)(void *state, const char *reason);
};

/*
 * HW_MIGRATES; once in a file, outside functions, beside its code_change: that
 * converts every state that versions before this one may have left, and back
 * again on the way down. Without it a version in which the type of what is
 * reached by pointers has changed is refused, because memory that a program
 * allocated cannot be converted unasked.
 */
#ifdef __HOTWATCH__
#define HW_MIGRATES                                          \
	static const char hw_migrates __asm__("hw.migrates") \
	    __attribute__((used)) = 1
#else
#define HW_MIGRATES struct hw_migrates
#endif

/*
 * A process with its own loop, spawned with `system`. A module says what it is
 * by a function, called anew each time: so the callbacks are always those of
 * the current version.
 */
struct hw_special {
	struct hw_sys_callbacks sys;
	/* Where it goes on: its loop. */
	void (*proceed)(void *state);
};
typedef const struct hw_special *hw_special_module(void);

/*
 * Own process: obeys M, of kind HW_SYSTEM, which is consumed. It returns at
 * once; the caller then returns to where it came from, until the process's
 * first function has returned. Then the message is obeyed, with no frame of the
 * program on the stack: a process that is suspended holds no old code. After
 * that PROCEED is called, with the state. In a loop:
 *
 *	m = hw_receive(-1);
 *	if (m->kind == HW_SYSTEM) {
 *		hw_sys_handle(m, counter, sum);
 *		return;
 *	}
 *
 * One that traps exits hears HW_EXIT of the process that spawned it while it
 * is suspended as an order to terminate.
 */
void hw_sys_handle(struct hw_message *m, hw_special_module *module,
		   void *state);

#ifdef __cplusplus
}
#endif

#endif
