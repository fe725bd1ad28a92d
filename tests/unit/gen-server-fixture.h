/* SPDX-License-Identifier: MIT
 *
 * A gen_server for tests: it keeps a number, and does as it is told by words,
 * in calls and casts alike. What happened to it is noted in a text.
 */
#ifndef TESTS_GEN_SERVER_FIXTURE_H
#define TESTS_GEN_SERVER_FIXTURE_H

#include <hotwatch/gen_server.h>

#include "tests/unit/process-fixture.h"

struct fx_counter {
	long n;
	hw_ref later; /* a call that is answered later */
};

static struct {
	pthread_mutex_t lock;
	char text[1024];
} fx_notes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void fx_note(const char *word)
{
	pthread_mutex_lock(&fx_notes.lock);
	if (fx_notes.text[0])
		strcat(fx_notes.text, " ");
	strcat(fx_notes.text, word);
	pthread_mutex_unlock(&fx_notes.lock);
}

/* What was noted since the last time. */
static inline const char *fx_noted(void)
{
	static char text[1024];

	pthread_mutex_lock(&fx_notes.lock);
	strcpy(text, fx_notes.text);
	fx_notes.text[0] = '\0';
	pthread_mutex_unlock(&fx_notes.lock);
	return text;
}

static inline void fx_reply(hw_ref ref, const char *text)
{
	hw_gen_server_reply(ref, text, strlen(text) + 1);
}

/* "WORD" or "WORD REST" */
static inline bool fx_is(const char *text, const char *word, const char **rest)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] && text[n] != ' '))
		return false;
	*rest = text[n] ? text + n + 1 : text + n;
	return true;
}

/* Not malloc'd: a server that is killed frees nothing. */
static inline struct fx_counter *fx_new(void)
{
	static struct fx_counter all[512];
	static unsigned n;
	unsigned i = __atomic_fetch_add(&n, 1, __ATOMIC_RELAXED) % 512;

	all[i] = (struct fx_counter){.n = 0};
	return &all[i];
}

static inline void *fx_init(void *arg)
{
	struct fx_counter *c = fx_new();
	const char *rest;

	if (arg && fx_is(arg, "exit", &rest))
		hw_gen_server_exit(rest);
	if (arg && fx_is(arg, "die", &rest))
		hw_exit_self(rest);
	if (arg && fx_is(arg, "ignore", &rest))
		hw_gen_server_ignore();
	if (arg && fx_is(arg, "continue", &rest))
		hw_gen_server_continue(c);
	if (arg && fx_is(arg, "hang", &rest))
		hw_receive_match(fx_nothing, NULL, -1);
	if (arg && fx_is(arg, "trap", &rest))
		hw_trap_exit(true);
	return c;
}

static struct fx_gate fx_computing = FX_GATE;

static inline void fx_compute(void)
{
	volatile unsigned long n = 0;

	fx_gate_add(&fx_computing);
	for (;;)
		n++;
}

static inline void fx_do(struct fx_counter *c, const struct hw_message *m)
{
	const char *text = (const char *)m->data, *rest;
	char answer[64] = "ok";

	if (fx_is(text, "add", &rest))
		c->n++;
	else if (fx_is(text, "get", &rest))
		sprintf(answer, "%ld", c->n);
	else if (fx_is(text, "exit", &rest))
		hw_gen_server_exit(rest);
	else if (fx_is(text, "timeout", &rest))
		hw_gen_server_timeout(atoi(rest));
	else if (fx_is(text, "continue", &rest))
		hw_gen_server_continue(c);
	else if (fx_is(text, "die", &rest))
		hw_exit_self(rest);
	else if (fx_is(text, "compute", &rest))
		fx_compute();
	if (fx_is(text, "later", &rest))
		c->later = m->ref;
	else if (m->kind == HW_CALL && !fx_is(text, "silent", &rest))
		fx_reply(m->ref, answer);
}

static inline void *fx_call(void *state, const struct hw_message *m)
{
	fx_do(state, m);
	return state;
}

static inline void *fx_info(void *state, const struct hw_message *m)
{
	static const char *const kinds[] = {"message", "exit", "down"};
	char text[HW_REASON_MAX + 32];
	struct fx_counter *c = state;

	if (m->kind == HW_MESSAGE && !strcmp((const char *)m->data, "now")) {
		fx_reply(c->later, "late");
		return c;
	}
	snprintf(text, sizeof(text), "%s:%s", kinds[m->kind],
		 m->kind == HW_MESSAGE ? (const char *)m->data : m->reason);
	fx_note(text);
	return c;
}

static inline void *fx_timeout(void *state)
{
	fx_note("timeout");
	return state;
}

static inline void *fx_continue(void *state, void *arg)
{
	fx_note(state == arg ? "continue" : "continue with nonsense");
	return state;
}

static inline void fx_terminate(void *state, const char *reason)
{
	char text[HW_REASON_MAX + 16];

	snprintf(text, sizeof(text), "terminate:%s", reason);
	(void)state;
	fx_note(text);
}

/* `extra` says what becomes of it. */
static inline int fx_change(void **state, const struct hw_sys_change *change)
{
	char text[128];
	struct fx_counter *c = *state;

	if (!strcmp(change->extra, "fail")) {
		*state = NULL;
		return -1;
	}
	if (!strcmp(change->extra, "die"))
		hw_exit_self("because");
	if (!strcmp(change->extra, "hang"))
		hw_receive_match(fx_nothing, NULL, -1);
	snprintf(text, sizeof(text), "change:%s:%s:%s:%s", change->module,
		 change->vsn, change->extra, change->down ? "down" : "up");
	fx_note(text);
	c->n += 100;
	return 0;
}

static inline int fx_text(const void *state, char *text, size_t size)
{
	const struct fx_counter *c = state;

	if (c->n > 1000)
		return snprintf(text, size, "%*d", (int)c->n, 1);
	return snprintf(text, size, "n = %ld", c->n);
}

static inline int fx_parse(void **state, const char *text)
{
	struct fx_counter *c = *state;

	return sscanf(text, "n = %ld", &c->n) == 1 ? 0 : -1;
}

static HW_GEN_SERVER(fx_server, .init = fx_init, .handle_call = fx_call,
		     .handle_cast = fx_call, .handle_info = fx_info,
		     .handle_timeout = fx_timeout,
		     .handle_continue = fx_continue,
		     .sys = {.terminate = fx_terminate,
			     .code_change = fx_change,
			     .state_text = fx_text,
			     .state_parse = fx_parse});

/* The answer, or "ERROR: reason". */
static inline const char *fx_ask_within(hw_pid pid, const char *text, int ms)
{
	static __thread char answer[HW_REASON_MAX + 32];
	struct hw_message *m;
	int r = hw_gen_server_call(pid, text, strlen(text) + 1, ms, &m);

	if (r < 0) {
		sprintf(answer, "%s: %s", strerrorname_np(-r),
			hw_call_reason());
		return answer;
	}
	snprintf(answer, sizeof(answer), "%s", (const char *)m->data);
	hw_message_free(m);
	return answer;
}

static inline const char *fx_ask(hw_pid pid, const char *text)
{
	return fx_ask_within(pid, text, PATIENCE);
}

static inline hw_pid fx_start(const char *arg,
			      const struct hw_spawn_options *options)
{
	hw_pid pid = 0;

	CHECK_INT_EQ(hw_gen_server_start(fx_server, (void *)(uintptr_t)arg,
					 options, PATIENCE, &pid),
		     0);
	return pid;
}

static inline void fx_stop(hw_pid pid)
{
	CHECK_INT_EQ(hw_gen_server_stop(pid, "normal", PATIENCE), 0);
	fx_noted();
}

#endif
