/* SPDX-License-Identifier: MIT
 *
 * For tests of processes: what only a process may do is done in one, which the
 * test waits for. Checks are made by one thread at a time.
 */
#ifndef TESTS_PROCESS_FIXTURE_H
#define TESTS_PROCESS_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/include/hotwatch/process.h"
#include "tests/unit/check.h"

#define PATIENCE 60000 /* ms: for what must come; only a hang takes so long */

struct fx_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int n;
};

#define FX_GATE                                                        \
	{                                                              \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 \
	}

static inline void fx_gate_add(struct fx_gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->n++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static inline void fx_gate_await(struct fx_gate *g, int n)
{
	pthread_mutex_lock(&g->lock);
	while (g->n < n)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

struct fx_run {
	void (*fn)(void);
	struct fx_gate done;
};

static inline void fx_main(void *arg)
{
	struct fx_run *r = arg;

	r->fn();
	fx_gate_add(&r->done);
}

/* Runs FN in a process and waits until it returned. */
static inline void in_process(void (*fn)(void))
{
	struct fx_run r = {fn, FX_GATE};

	if (CHECK(hw_spawn(fx_main, &r) != 0))
		fx_gate_await(&r.done, 1);
}

static inline bool fx_is_down(const struct hw_message *m, void *ref)
{
	return m->kind == HW_DOWN && m->ref == *(hw_ref *)ref;
}

/* Own process: the reason for which the monitored one ended. */
static inline const char *down_reason(hw_ref ref)
{
	static char reason[HW_REASON_MAX];
	struct hw_message *m = hw_receive_match(fx_is_down, &ref, PATIENCE);

	strcpy(reason, m ? m->reason : "(no HW_DOWN came)");
	hw_message_free(m);
	return reason;
}

/* The next message, as "kind:reason or text", or "none". */
static inline const char *next_message(int timeout_ms)
{
	static const char *const kinds[] = {"message", "exit", "down",
					    "system"};
	static char text[HW_REASON_MAX + 32];
	struct hw_message *m = hw_receive(timeout_ms);

	if (!m)
		return "none";
	snprintf(text, sizeof(text), "%s:%s", kinds[m->kind],
		 m->kind == HW_MESSAGE ? (const char *)m->data : m->reason);
	hw_message_free(m);
	return text;
}

static inline int send_text(hw_pid to, const char *text)
{
	return hw_send(to, text, strlen(text) + 1);
}

/* For ever in hw_receive, taking nothing. */
static inline bool fx_nothing(const struct hw_message *m, void *arg)
{
	(void)m;
	(void)arg;
	return false;
}

static inline void sleeper(void *arg)
{
	(void)arg;
	hw_receive_match(fx_nothing, NULL, -1);
}

#endif
