/* SPDX-License-Identifier: MIT
 *
 * Processes, as Erlang has them: a thread of its own with a mailbox, that can
 * be linked, monitored, told to exit and ended. They are what a purge may end;
 * a thread made otherwise is foreign, and never is.
 *
 * A process is a POSIX thread: everything that a thread may do it may do. Its
 * identity, an hw_pid, is never used twice, so a stale one reaches nobody.
 *
 * Every call here may be made by any thread, unless it says "own process"; none
 * may be made in a signal handler. Threads that are no processes have pid 0
 * as senders, and can send, monitor nothing and receive nothing.
 *
 * Errors are negative errno values: -ESRCH (no such process), -EAGAIN (its
 * mailbox is full), -EEXIST (the name is taken), -ENOMEM, -EINVAL, -EPERM (the
 * caller is no process).
 *
 * How one is ended (hw_exit with "kill", a purge, a link): in hw_receive; where
 * it blocks in a cancellation point; where it computes in the program's own
 * hot-built code (in a program that is not hot-built, in the executable's). In
 * any other place, in malloc, say, or below a callback of qsort, it ends when
 * that call returns, so that no lock of the C library is left held. Frames are
 * unwound: pthread_cleanup_push is served always, __attribute__((cleanup))
 * where a call that may unwind lies in its scope (a hot build sees to the
 * flags; a plain one needs -fexceptions). pthread_setcancelstate can put it
 * off. A process that never comes to such a place is not ended, and whoever
 * waits is told (see hw_code_purge).
 */
#ifndef HOTWATCH_PROCESS_H
#define HOTWATCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t hw_pid; /* 0: none */
typedef uint64_t hw_ref; /* of a monitor; 0: none */

/* Exit reasons are short words or sentences; these have a meaning:
 *	"normal"   fn returned; linked processes do not follow it
 *	"kill"     given to hw_exit: untrappable, others hear "killed"
 *	"killed"   ended so, or by a purge
 *	"noproc"   linked to or monitored what was not there
 *	"undef"    it called into a module that is deleted and not on the path
 *	"shutdown" a supervisor's order
 * Longer ones are cut to HW_REASON_MAX - 1 bytes. */
#define HW_REASON_MAX 128

enum hw_message_kind {
	HW_MESSAGE = 0, /* of hw_send */
	HW_EXIT,        /* a linked process ended, and this one traps exits */
	HW_DOWN,        /* a monitored process ended */
	HW_SYSTEM,      /* of hotwatch/sys.h; only to those that take them */
	HW_CALL,        /* of hw_gen_server_call: somebody waits for REF */
	HW_CAST         /* of hw_gen_server_cast */
};

struct hw_message {
	enum hw_message_kind kind;
	hw_pid from; /* the sender; of HW_EXIT and HW_DOWN, who ended */
	hw_ref ref;  /* HW_DOWN: the monitor; else what the sender gave */
	char reason[HW_REASON_MAX]; /* HW_EXIT, HW_DOWN */
	size_t size;
	_Alignas(16) unsigned char data[];
};

struct hw_spawn_options {
	const char *name; /* registered; NULL: none. Also the thread's */
	bool link;        /* to the caller, before it runs */
	bool trap_exit;
	hw_ref *monitor;    /* not NULL: monitored by the caller; here */
	size_t mailbox_max; /* bytes of messages waiting; 0: 64 MB */
	size_t stack_size;  /* 0: the system's default */
	bool system;        /* it takes HW_SYSTEM: hotwatch/sys.h */
};

/* A process that runs fn(arg) and ends "normal" when it returns. ARG is passed
 * as it is. Returns its pid, or 0 with errno set. OPTIONS may be NULL. */
hw_pid hw_spawn(void (*fn)(void *arg), void *arg);
hw_pid hw_spawn_opt(void (*fn)(void *arg), void *arg,
		    const struct hw_spawn_options *options);

hw_pid hw_self(void); /* 0: not a process */
bool hw_is_alive(hw_pid pid);

/* Waits until PID is gone: 0; or TIMEOUT_MS at most (-1: for ever):
 * -ETIMEDOUT. What a thread that is no process has for hw_monitor. */
int hw_wait(hw_pid pid, int timeout_ms);

/* Copies SIZE bytes into PID's mailbox. Messages of one sender arrive in
 * order. To a process that is gone: 0, and nothing happens, as in Erlang; one
 * that never was: -ESRCH; a full mailbox: -EAGAIN. REF is passed on. */
int hw_send(hw_pid pid, const void *data, size_t size);
int hw_send_ref(hw_pid pid, hw_ref ref, const void *data, size_t size);
hw_ref hw_make_ref(void); /* never the same twice */

/*
 * Own process. The oldest message that MATCH takes (NULL: any); the others
 * stay, in order. Waits TIMEOUT_MS at most (-1: for ever; 0: not). NULL: none
 * came (errno ETIMEDOUT). The caller frees it with hw_message_free. A process
 * that is to end ends here. MATCH runs without any lock held, and does not
 * receive itself.
 */
struct hw_message *hw_receive(int timeout_ms);
struct hw_message *hw_receive_match(bool (*match)(const struct hw_message *m,
						  void *arg),
				    void *arg, int timeout_ms);
void hw_message_free(struct hw_message *m);

/* Own process. Links are mutual. When one end exits with another reason than
 * "normal" the other exits with the same, or gets HW_EXIT if it traps exits.
 * To a process that is gone: HW_EXIT "noproc", or exit. */
int hw_link(hw_pid pid);
int hw_unlink(hw_pid pid);
bool hw_trap_exit(bool on); /* what it was before */

/* Own process. HW_DOWN will come, once; at once with "noproc" if PID is gone.
 * hw_demonitor also takes a HW_DOWN out that has come already. */
hw_ref hw_monitor(hw_pid pid);
int hw_demonitor(hw_ref ref);

/*
 * An exit signal. "kill": ends it, be what may, and others hear "killed". Any
 * other: a message HW_EXIT if it traps exits; else it ends of that reason, but
 * of "normal" only if it sent that to itself. Does not wait for the end; to
 * oneself it does not return from it. To a process that is gone: 0.
 *
 * hw_exit_self ends the caller of REASON whether it traps exits or not; in a
 * thread that is no process it is pthread_exit.
 */
int hw_exit(hw_pid pid, const char *reason);
void hw_exit_self(const char *reason) __attribute__((noreturn));

/*
 * Why the last call (hotwatch/sys.h, gen_server.h, supervisor.h) of this
 * thread failed: "noproc", "timeout", "calling_self", what the other one ended
 * of, or a word of its own. Good until the next that fails.
 */
const char *hw_call_reason(void);

int hw_register(const char *name, hw_pid pid);
int hw_unregister(const char *name);
hw_pid hw_whereis(const char *name); /* 0: nobody */

struct hw_process_info {
	hw_pid pid;
	pid_t tid;
	char name[64];          /* registered, or "" */
	const char *initial;    /* name of fn if known, or NULL; permanent */
	size_t messages, bytes; /* waiting */
	size_t links, monitors;
	bool trap_exit, waiting; /* in hw_receive */
	bool suspended;          /* by hotwatch/sys.h */
};
int hw_process_info(hw_pid pid, struct hw_process_info *info);

/* Up to MAX pids of living processes, in order of age; how many there are. */
size_t hw_processes(hw_pid *pids, size_t max);

#ifdef __cplusplus
}
#endif

#endif
