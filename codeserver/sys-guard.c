/* SPDX-License-Identifier: MIT
 *
 * Running a callback so that its end is not the caller's: see sys-internal.h.
 *
 * In Erlang this is `catch`. C has nothing that stops an unwinding half way:
 * pthread_exit cannot be called off, and longjmp runs no cleanups. A process of
 * its own can exit, be killed by a purge, or compute for ever, and the one that
 * waits hears of it. It costs the start of a thread, 30 us, for what happens
 * once in an upgrade.
 *
 * Not linked: its end must not be the end of the one that waits.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/sys-internal.h"

struct guard *guard_new(struct hw_message *m)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g) {
		hw_message_free(m);
		return NULL;
	}
	g->refs = 1;
	g->m = m;
	return g;
}

void guard_free(struct guard *g)
{
	if (!g || __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	hw_message_free(g->m);
	free(g->text);
	free(g);
}

static void over(void *arg)
{
	guard_free(arg);
}

#pragma clang section text = "hw_loop"

static void guard_main(void *arg)
{
	struct guard *g = arg;

	g->run(g);
	g->returned = true;
}

#pragma clang section text = ""

struct waiting {
	struct guard *g;
	hw_pid pid;
};

/* The one that waits is ended. */
static void waiting_left(void *arg)
{
	struct waiting *w = arg;

	hw_exit(w->pid, "kill");
	guard_free(w->g);
}

static bool is_down(const struct hw_message *m, void *ref)
{
	return m->kind == HW_DOWN && m->ref == *(hw_ref *)ref;
}

int guard_run(struct guard *g)
{
	hw_ref ref;
	struct hw_spawn_options options = {.name = NULL, .monitor = &ref};
	struct spawning s = {.fn = guard_main,
			     .arg = g,
			     .options = &options,
			     .stands_for = g->stands_for,
			     .left = over};
	struct waiting w = {.g = g};
	struct hw_message *m;
	int e;

	g->refs = 2;
	e = process_spawn(&s, &w.pid);
	if (e) {
		g->refs = 1;
		return e;
	}
	pthread_cleanup_push(waiting_left, &w);
	m = hw_receive_match(is_down, &ref, -1);
	pthread_cleanup_pop(0);
	memcpy(g->reason, m->reason, sizeof(g->reason));
	hw_message_free(m);
	return 0;
}
