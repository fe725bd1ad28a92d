/* SPDX-License-Identifier: MIT
 *
 * Starting and ending a supervisor's children.
 *
 * A start function may exit, or be ended with a purge: in Erlang that is a
 * start that failed. So it runs in a process of its own (sys-guard.c), which
 * stands for the supervisor: what it links is linked to that.
 *
 * A child that is ended is monitored and unlinked first, and the news of its
 * end that may have come already is taken out: so what it ended of comes once,
 * by the monitor, and never looks like an end that nobody wanted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/supervisor-internal.h"
#include "codeserver/sys-internal.h"

#define SHUTDOWN_MS 5000

struct child *child_new(const struct hw_child *spec)
{
	struct child *c;

	if (!spec->id || !*spec->id || strlen(spec->id) >= HW_CHILD_ID_MAX ||
	    !spec->start)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	ring_init(&c->in);
	c->spec = *spec;
	strcpy(c->id, spec->id);
	c->spec.id = c->id;
	return c;
}

void child_free(struct child *c)
{
	if (c)
		ring_out(&c->in);
	free(c);
}

static struct child *child_of(struct ring *r)
{
	return ring_item(r, struct child, in);
}

struct child *child_find(const struct ring *children, const char *id)
{
	for (struct ring *r = children->next; r != children; r = r->next)
		if (!strcmp(child_of(r)->id, id))
			return child_of(r);
	return NULL;
}

/* --- starting ------------------------------------------------------------- */

#pragma clang section text = "hw_loop"

static void run_start(struct guard *g)
{
	call_failed(0, "error");
	g->result = g->start(g->state, &g->pid);
	reason_copy(g->said, hw_call_reason());
}

/* What the start came to, and why. */
static int start_guarded(struct guard *g, hw_pid *pid)
{
	int r = guard_run(g);

	if (r)
		return call_failed(r, "system_limit");
	if (!g->returned)
		return call_failed(-ECHILD, g->reason);
	if (g->result == 0)
		*pid = g->pid;
	return call_failed(g->result, g->said);
}

int child_start(struct child *c)
{
	struct guard *g = guard_new(NULL);
	int r;

	c->pid = 0;
	c->restarting = false;
	if (!g)
		return call_failed(-ENOMEM, "system_limit");
	g->run = run_start;
	g->start = c->spec.start;
	g->state = c->spec.arg;
	g->stands_for = hw_self();
	r = start_guarded(g, &c->pid);
	guard_free(g);
	if (c->pid)
		hw_link(c->pid); /* should it have forgotten */
	return r;
}

struct child *children_start(struct ring *children, struct child *first)
{
	struct ring *r = first ? &first->in : children->next, *next;

	for (; r != children; r = next) {
		struct child *c = child_of(r);
		int e = c->pid ? 0 : child_start(c);

		next = r->next;
		if (e < 0)
			return c;
		if (e == HW_IGNORE && c->spec.restart == HW_TEMPORARY)
			child_free(c);
	}
	return NULL;
}

#pragma clang section text = ""

/* --- ending --------------------------------------------------------------- */

struct end {
	hw_pid pid;
	hw_ref ref;
};

static bool is_exit(const struct hw_message *m, void *arg)
{
	return m->kind == HW_EXIT && m->from == ((struct end *)arg)->pid;
}

static bool is_down(const struct hw_message *m, void *arg)
{
	return m->kind == HW_DOWN && m->ref == ((struct end *)arg)->ref;
}

static bool ended(struct end *e, int timeout_ms)
{
	struct hw_message *m = hw_receive_match(is_down, e, timeout_ms);

	hw_message_free(m);
	return m != NULL;
}

void child_stop(struct child *c)
{
	int limit = c->spec.shutdown_ms ? c->spec.shutdown_ms : SHUTDOWN_MS;
	struct end e = {.pid = c->pid};

	c->restarting = false;
	if (!c->pid)
		return;
	e.ref = hw_monitor(c->pid);
	hw_unlink(c->pid);
	hw_message_free(hw_receive_match(is_exit, &e, 0));
	if (limit != HW_BRUTAL_KILL)
		hw_exit(c->pid, "shutdown");
	if (limit == HW_BRUTAL_KILL || !ended(&e, limit)) {
		hw_exit(c->pid, "kill");
		ended(&e, -1);
	}
	c->pid = 0;
}

void children_stop(struct ring *children, struct child *first,
		   const struct child *keep)
{
	struct ring *end = first ? first->in.prev : children;
	struct ring *r = children->prev, *before;

	for (; r != end; r = before) {
		struct child *c = child_of(r);

		before = r->prev;
		child_stop(c);
		if (c != keep && c->spec.restart == HW_TEMPORARY)
			child_free(c);
	}
}
