/* SPDX-License-Identifier: MIT
 *
 * What a process does when it is told to suspend, change its code, and so on:
 * the part of sys.h that runs in the process itself. gen_server.c has its loop
 * around this; a process with a loop of its own comes here by hw_sys_handle.
 *
 * hw_sys_handle notes where the process goes on (process_root does that when
 * its function has returned) and returns: so a suspended process has no frame
 * of the program on its stack, at any optimization level, and the stack does
 * not grow with each message. Rejected: Erlang's own way, a function that does
 * not return and calls the module back, which needs tail calls that C does not
 * promise.
 *
 * State changes are all or nothing: the pointer is put in place when the
 * callback has returned 0.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/sys-internal.h"

#define PUBLIC __attribute__((visibility("default")))
#define TEXT_FIRST 4096
#define TEXT_MAX (16 << 20)

extern const char loop_start[] __asm__("__start_hw_loop")
    __attribute__((visibility("hidden")));
extern const char loop_stop[] __asm__("__stop_hw_loop")
    __attribute__((visibility("hidden")));

static __thread struct sys own __attribute__((tls_model("initial-exec")));

bool sys_loop_has(uintptr_t start)
{
	return start - (uintptr_t)loop_start <
	       (uintptr_t)loop_stop - (uintptr_t)loop_start;
}

struct sys *sys_self(void)
{
	return &own;
}

void sys_count_in(void)
{
	own.counts.messages_in++;
}

void sys_count_out(void)
{
	own.counts.messages_out++;
}

/* --- receiving ------------------------------------------------------------ */

bool sys_is_parents_exit(const struct hw_message *m)
{
	return m->kind == HW_EXIT && m->from && m->from == process_self->parent;
}

static bool while_suspended(const struct hw_message *m, void *arg)
{
	(void)arg;
	return m->kind == HW_SYSTEM || sys_is_parents_exit(m);
}

struct hw_message *sys_receive(int timeout_ms)
{
	if (own.suspended)
		return hw_receive_match(while_suspended, NULL, -1);
	return hw_receive(timeout_ms);
}

/* --- answering ------------------------------------------------------------ */

static void answer(hw_ref ref, const struct sys_answer *a, const char *text)
{
	struct mail *mail = mail_make(NULL, sizeof(*a) + a->length + 1);
	struct sys_answer *to;

	if (!mail)
		return; /* it times out */
	to = (struct sys_answer *)(void *)mail->m.data;
	*to = *a;
	memcpy(to->text, text, a->length);
	to->text[a->length] = '\0';
	call_answer(ref, mail);
}

static void answer_error(hw_ref ref, int error, const char *reason)
{
	struct sys_answer a = {.error = error};

	reason_copy(a.reason, reason);
	answer(ref, &a, "");
}

/* --- changing the state --------------------------------------------------- */

static const struct sys_request *request_of(const struct hw_message *m)
{
	return (const struct sys_request *)(const void *)m->data;
}

#pragma clang section text = "hw_loop"

static void run_change(struct guard *g)
{
	const struct sys_request *r = request_of(g->m);
	struct hw_sys_change c = {.module = r->text, .down = r->down};

	c.vsn = c.module + strlen(c.module) + 1;
	c.extra = c.vsn + strlen(c.vsn) + 1;
	g->result = g->callbacks.code_change(&g->state, &c);
}

static void run_replace(struct guard *g)
{
	const struct sys_request *r = request_of(g->m);

	g->result = r->fn(&g->state, r->arg);
}

static void run_parse(struct guard *g)
{
	g->result = g->callbacks.state_parse(&g->state, request_of(g->m)->text);
}

static void run_text(struct guard *g)
{
	int n = TEXT_FIRST - 1;

	for (int i = 0; i < 2 && n >= 0 && n < TEXT_MAX; i++) {
		int room = n + 1;

		free(g->text);
		g->text = malloc((size_t)room);
		if (!g->text)
			return;
		g->text[0] = '\0';
		n = g->callbacks.state_text(g->state, g->text, (size_t)room);
		if (n < room)
			break;
	}
	g->length = g->text && n >= 0 ? strlen(g->text) : 0;
	g->result = n < 0 ? n : 0;
}

#pragma clang section text = ""

/* What an operation runs; NULL: its callback is missing. */
static void (*run_of(enum sys_op op,
		     const struct hw_sys_callbacks *c))(struct guard *)
{
	switch (op) {
	case SYS_CHANGE_CODE:
		return c->code_change ? run_change : NULL;
	case SYS_GET_STATE:
		return c->state_text ? run_text : NULL;
	case SYS_PARSE_STATE:
		return c->state_parse ? run_parse : NULL;
	default:
		return run_replace;
	}
}

/* Of a code_change it is told what it ended of, as in Erlang. */
static void guard_answer(hw_ref ref, enum sys_op op, const struct guard *g,
			 int error)
{
	const struct sys_answer a = {.length = g->length};
	bool said = op == SYS_CHANGE_CODE && !g->returned;

	if (error)
		answer_error(ref, error, strerror(-error));
	else if (!g->returned || g->result != 0)
		answer_error(ref, -ECANCELED,
			     said ? g->reason : "callback_failed");
	else
		answer(ref, &a, g->text ? g->text : "");
}

static void obey_guarded(struct hw_message *m,
			 const struct hw_sys_callbacks *callbacks, void **state)
{
	hw_ref ref = m->ref;
	enum sys_op op = request_of(m)->op;
	struct guard *g = guard_new(m);
	int error;

	if (!g) {
		answer_error(ref, -ENOMEM, "system_limit");
		return;
	}
	g->callbacks = *callbacks;
	g->state = *state;
	g->run = run_of(op, callbacks);
	error = guard_run(g);
	if (!error && g->returned && g->result == 0)
		*state = g->state;
	guard_answer(ref, op, g, error);
	guard_free(g);
}

/* --- the others ----------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void obey_statistics(hw_ref ref, enum hw_sys_count count)
{
	uint64_t now = clock_ns(CLOCK_REALTIME) / 1000000;
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1000;
	struct sys_answer a = {.statistics = own.counts};

	if (count == HW_SYS_COUNT_GET && !own.counting) {
		answer_error(ref, -ENODATA, "no_statistics");
		return;
	}
	if (count == HW_SYS_COUNT_ON)
		own.counts = (struct hw_sys_statistics){.started_ms = now,
							.cpu_us = cpu};
	if (count != HW_SYS_COUNT_GET)
		own.counting = count == HW_SYS_COUNT_ON;
	a.statistics.now_ms = now;
	a.statistics.cpu_us = cpu - a.statistics.cpu_us;
	answer(ref, &a, "");
}

static void obey_status(hw_ref ref)
{
	const struct sys_answer a = {.status = {.parent = process_self->parent,
						.suspended = own.suspended}};

	answer(ref, &a, "");
}

/* What needs no callback. False: it is to terminate. */
static bool obey_plain(const struct hw_message *m, char *reason)
{
	const struct sys_answer done = {.error = 0};
	const struct sys_request *r = request_of(m);

	switch (r->op) {
	case SYS_SUSPEND:
	case SYS_RESUME:
		own.suspended = r->op == SYS_SUSPEND;
		__atomic_store_n(&process_self->suspended, own.suspended,
				 __ATOMIC_RELAXED);
		answer(m->ref, &done, "");
		break;
	case SYS_STATISTICS:
		obey_statistics(m->ref, r->count);
		break;
	case SYS_STATUS:
		obey_status(m->ref);
		break;
	case SYS_TERMINATE:
		reason_copy(reason, r->text);
		return false; /* its end is the answer */
	case SYS_CHANGE_CODE:
		answer_error(m->ref, -EBUSY, "not_suspended");
		break;
	default:
		answer_error(m->ref, -EINVAL, "unknown_system_msg");
	}
	return true;
}

static bool is_guarded(enum sys_op op)
{
	return (op == SYS_CHANGE_CODE && own.suspended) ||
	       op == SYS_GET_STATE || op == SYS_REPLACE_STATE ||
	       op == SYS_PARSE_STATE;
}

bool sys_obey(struct hw_message *m, const struct hw_sys_callbacks *callbacks,
	      void **state, char reason[HW_REASON_MAX])
{
	enum sys_op op = request_of(m)->op;
	bool go_on = true;

	if (is_guarded(op) && run_of(op, callbacks)) {
		obey_guarded(m, callbacks, state);
		return true;
	}
	if (is_guarded(op))
		answer_error(m->ref, -ENOSYS, "undef");
	else
		go_on = obey_plain(m, reason);
	hw_message_free(m);
	return go_on;
}

/* --- processes with a loop of their own ----------------------------------- */

static __thread struct {
	hw_special_module *module;
	void *state;
	struct hw_message *m;
} special __attribute__((tls_model("initial-exec")));

#pragma clang section text = "hw_loop"

/* In functions of their own, so that no pointer to a version's callbacks lies
 * in a frame that waits. */
static __attribute__((noinline)) bool special_obey(struct hw_message *m,
						   char *reason)
{
	if (m->kind == HW_SYSTEM)
		return sys_obey(m, &special.module()->sys, &special.state,
				reason);
	memcpy(reason, m->reason, HW_REASON_MAX);
	hw_message_free(m);
	return false;
}

static __attribute__((noinline)) void special_end(const char *reason)
{
	const struct hw_special *s = special.module();

	if (s->sys.terminate)
		s->sys.terminate(special.state, reason);
}

static void special_main(void *arg)
{
	struct hw_message *m = special.m;
	char reason[HW_REASON_MAX];

	(void)arg;
	do {
		if (special_obey(m, reason))
			continue;
		special_end(reason);
		if (strcmp(reason, "normal") != 0)
			hw_exit_self(reason);
		return;
	} while (own.suspended && (m = sys_receive(-1)));
	special.module()->proceed(special.state);
}

#pragma clang section text = ""

PUBLIC void hw_sys_handle(struct hw_message *m, hw_special_module *module,
			  void *state)
{
	special.m = m;
	special.module = module;
	special.state = state;
	process_self->next_fn = special_main;
	process_self->next_arg = NULL;
}
