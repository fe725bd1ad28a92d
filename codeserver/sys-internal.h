/* SPDX-License-Identifier: MIT
 *
 * System messages between the files that send them (sys.c: any thread;
 * sys-methods.c: the code server's), the one that obeys them (sys-obey.c) and
 * the loops that receive them (gen_server.c, hw_sys_handle's).
 */
#ifndef HW_SYS_INTERNAL_H
#define HW_SYS_INTERNAL_H

#include "codeserver/include/hotwatch/sys.h"
#include "codeserver/process-table.h"

enum sys_op {
	SYS_SUSPEND,
	SYS_RESUME,
	SYS_CHANGE_CODE,
	SYS_GET_STATE,
	SYS_REPLACE_STATE,
	SYS_PARSE_STATE,
	SYS_STATISTICS,
	SYS_STATUS,
	SYS_TERMINATE
};

/* The data of a message of kind HW_SYSTEM. */
struct sys_request {
	enum sys_op op;
	enum hw_sys_count count;
	bool down;
	hw_sys_replace *fn;
	void *arg;
	/* Three texts, one after the other, each with its end: module, vsn,
	 * extra; or just one: a reason, a state. */
	char text[];
};

/* The data of the answer. */
struct sys_answer {
	int error;
	char reason[HW_REASON_MAX]; /* if there is one */
	union {
		struct hw_sys_statistics statistics;
		struct hw_sys_status status;
	};
	size_t length; /* of the state's text */
	char text[];
};

/* The message that says so; NULL: no memory. TEXTS may be NULL. */
struct mail *sys_mail(const struct sys_request *request,
		      const char *const texts[3]);

/* --- sys-obey.c: own process ---------------------------------------------- */

/* How this process stands to system messages; zero at its start. */
struct sys {
	bool suspended, counting;
	struct hw_sys_statistics counts;
};
struct sys *sys_self(void);

void sys_count_in(void);
void sys_count_out(void);

/* Receives what may be received now: if it is suspended, system messages and
 * the parent's HW_EXIT alone. NULL: nothing came for TIMEOUT_MS. */
struct hw_message *sys_receive(int timeout_ms);
bool sys_is_parents_exit(const struct hw_message *m);

/* Obeys M, which is consumed. False: it is to terminate, of REASON. */
bool sys_obey(struct hw_message *m, const struct hw_sys_callbacks *callbacks,
	      void **state, char reason[HW_REASON_MAX]);

/* --- gen_server.c --------------------------------------------------------- */

/* hw_gen_server_start, of one that is known by the function NAMED. */
struct hw_gen_server;
int gen_server_start(const struct hw_gen_server *(*module)(void), void *arg,
		     const struct hw_spawn_options *options, int timeout_ms,
		     hw_pid *pid, void (*named)(void));

/* --- sys-guard.c ---------------------------------------------------------- */

/*
 * A callback that may exit, or be ended: it runs in a process of its own, and
 * the calling process waits. What it uses is in here, and is freed by the last
 * of the two: the one that waits may be ended too (and then ends the other).
 */
struct guard {
	int refs;
	bool returned;
	void (*run)(struct guard *g);
	struct hw_message *m; /* the request, or NULL */
	/* A child's start: STATE is its argument, PID what it started. */
	int (*start)(void *arg, hw_pid *pid);
	hw_pid pid, stands_for;
	char said[HW_REASON_MAX]; /* why, as it tells if it returned */
	struct hw_sys_callbacks callbacks;
	void *state; /* before; and after, if result is 0 */
	int result;
	char *text;
	size_t length;
	char reason[HW_REASON_MAX]; /* that it ended of, if it did not return */
};

/* NULL: no memory. M is consumed in any case. */
struct guard *guard_new(struct hw_message *m);
/* Own process. 0: it has returned, see result; or an error. */
int guard_run(struct guard *g);
void guard_free(struct guard *g);

#endif
