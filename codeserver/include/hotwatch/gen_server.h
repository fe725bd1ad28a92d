/* SPDX-License-Identifier: MIT
 *
 * Erlang's behaviour `gen_server`: a process that keeps a state and answers.
 * The loop is the library's; a program's part are callbacks.
 *
 * A server is named by a function that returns its callbacks. That function is
 * called for every message, through its stub, so the callbacks are always the
 * current version's, also those that a version adds; and a server that waits
 * has no frame in the program's code, so it never holds an old version:
 *
 *	static HW_GEN_SERVER(counter,
 *		.init = counter_init,
 *		.handle_call = counter_call);
 *	...
 *	hw_gen_server_start(counter, NULL, NULL, -1, &pid);
 *	hw_gen_server_call(pid, "get", 4, 5000, &answer);
 *
 * Who owns what:
 *	messages	a callback's until it returns; the library frees them
 *	requests	are copied when they are sent
 *	answers		are copied when they are given; the caller of
 *			hw_gen_server_call gets one, and frees it with
 *			hw_message_free
 *	state		the callbacks'; terminate frees it
 *	init's ARG	the caller's; init has returned, or its process is
 *			gone, when hw_gen_server_start returns
 *
 * A callback is an ordinary function in an ordinary thread, which may block. It
 * gets the state and returns the state to go on with. What else is to happen
 * after it (answer, stop, wait so long) it says by the functions below. One
 * that exits (hw_exit_self) ends the server, and terminate is called; one that
 * is killed ends it without. See hotwatch/sys.h for suspend, change_code and
 * their kin.
 */
#ifndef HOTWATCH_GEN_SERVER_H
#define HOTWATCH_GEN_SERVER_H

#include <hotwatch/sys.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hw_gen_server {
	/* The first state. May say hw_gen_server_exit (the start fails of that
	 * reason) or hw_gen_server_ignore. */
	void *(*init)(void *arg);
	/* A request that waits for hw_gen_server_reply to REQUEST->ref; that
	 * may come later, and from anywhere. Missing: the server exits "undef".
	 */
	void *(*handle_call)(void *state, const struct hw_message *request);
	/* One that does not. Missing: the server exits "undef". */
	void *(*handle_cast)(void *state, const struct hw_message *request);
	/* All other messages: hw_send's, HW_DOWN, HW_EXIT (but the parent's,
	 * which ends it). Missing: they are dropped. */
	void *(*handle_info)(void *state, const struct hw_message *m);
	/* Nothing came for so long as hw_gen_server_timeout said. */
	void *(*handle_timeout)(void *state);
	/* hw_gen_server_continue. */
	void *(*handle_continue)(void *state, void *arg);
	/* code_change, state_text, state_parse; and terminate, the last thing
	 * that it does, whatever ends it but a kill or a link it does not trap.
	 */
	struct hw_sys_callbacks sys;
};
typedef const struct hw_gen_server *hw_gen_server_module(void);

/* The function NAME, which is the server; the rest as in an initializer. */
#define HW_GEN_SERVER(name, ...)                                   \
	const struct hw_gen_server *name(void)                     \
	{                                                          \
		static const struct hw_gen_server hw_callbacks = { \
		    __VA_ARGS__};                                  \
		return &hw_callbacks;                              \
	}

/* --- starting and stopping ------------------------------------------------ */

#define HW_IGNORE 1

/*
 * Starts a server and waits until its init has returned: 0 and *PID (which may
 * be NULL), HW_IGNORE and 0, or an error: -EEXIST "already_started" (its name
 * is taken; *PID is who has it), -ECONNRESET and what init exited of,
 * -ETIMEDOUT "timeout" (it was killed, and is gone), -ENOMEM, -EINVAL, -EAGAIN.
 * OPTIONS->link makes it a start_link: the caller is its parent, whose end is
 * its end, trapped or not. A thread that is no process is no parent.
 */
int hw_gen_server_start(hw_gen_server_module *module, void *arg,
			const struct hw_spawn_options *options, int timeout_ms,
			hw_pid *pid);

/* Ends it, of REASON ("normal"), after terminate: 0 once it is gone, or as
 * hw_sys_terminate. */
int hw_gen_server_stop(hw_pid pid, const char *reason, int timeout_ms);

/* --- talking to one ------------------------------------------------------- */

/*
 * Any thread. 0 and *ANSWER (kind HW_MESSAGE, data and size; NULL: not wanted),
 * or an error: -ESRCH "noproc", -ECONNRESET and what it ended of, -ETIMEDOUT
 * "timeout", -EDEADLK "calling_self", -EAGAIN "system_limit" (its mailbox is
 * full), -ENOMEM, -EINVAL. Erlang would exit the caller. An answer that comes
 * too late is dropped. A process may be ended while it waits.
 */
int hw_gen_server_call(hw_pid pid, const void *request, size_t size,
		       int timeout_ms, struct hw_message **answer);

/* As hw_send; is handled by handle_cast. */
int hw_gen_server_cast(hw_pid pid, const void *request, size_t size);

/* Any thread: answers the call REF. 0 also if nobody waits for it any more. */
int hw_gen_server_reply(hw_ref ref, const void *data, size_t size);

/* --- for callbacks: what is to follow ------------------------------------- */

/* In init: no server is wanted, and that is no error. */
void hw_gen_server_ignore(void);
/* It ends when the callback has returned: terminate, then of REASON. */
void hw_gen_server_exit(const char *reason);
/* If nothing comes for MS milliseconds from then on: handle_timeout. */
void hw_gen_server_timeout(int ms);
/* Before it looks at any message: handle_continue with ARG. */
void hw_gen_server_continue(void *arg);

#ifdef __cplusplus
}
#endif

#endif
