/* SPDX-License-Identifier: MIT
 *
 * A supervisor: a gen_server whose state are its children, with the rules of
 * Erlang's about who is started again, when, and when it gives up.
 *
 * A restart whose start fails is tried again by a message to itself, so that
 * others get their turn, and each try counts: the intensity ends it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/supervisor-internal.h"
#include "codeserver/sys-internal.h"

#define PUBLIC __attribute__((visibility("default")))

struct supervisor {
	hw_supervisor_init *init;
	void *arg;
	enum hw_strategy strategy;
	unsigned intensity, period_s;
	uint64_t *restarts; /* when, ns; `intensity` of them, a ring */
	size_t nrestarts;   /* since the start */
	struct ring children;
};

/* --- its state ------------------------------------------------------------ */

static void supervisor_free(struct supervisor *s)
{
	if (!s)
		return;
	while (!ring_empty(&s->children))
		child_free(ring_item(s->children.next, struct child, in));
	free(s->restarts);
	free(s);
}

/* Adds what SPEC names to CHILDREN; one of OLD's of that name is taken over,
 * with its process. */
static int take_child(struct ring *children, struct ring *old,
		      const struct hw_child *spec)
{
	struct child *c = child_new(spec), *was;

	if (!c || child_find(children, c->id)) {
		child_free(c);
		return call_failed(-EINVAL, "badarg");
	}
	was = old ? child_find(old, c->id) : NULL;
	if (was) {
		c->pid = was->pid;
		c->restarting = was->restarting;
	}
	ring_add(children, &c->in);
	return 0;
}

static void free_all(struct ring *children)
{
	while (!ring_empty(children))
		child_free(ring_item(children->next, struct child, in));
}

/* Takes over what init said: all of it, or nothing. Children that it does not
 * name any more stay, first in order. */
static int take(struct supervisor *s, const struct hw_supervisor *said)
{
	size_t max = said->intensity ? said->intensity : 1;
	uint64_t *restarts = calloc(max, sizeof(*restarts));
	struct ring children;

	ring_init(&children);
	for (size_t i = 0; restarts && i < said->nchildren; i++) {
		if (take_child(&children, &s->children, &said->children[i]) ==
		    0)
			continue;
		free_all(&children);
		free(restarts);
		return -EINVAL;
	}
	if (!restarts)
		return call_failed(-ENOMEM, "system_limit");
	for (struct ring *r = s->children.next, *next; r != &s->children;
	     r = next) {
		next = r->next;
		if (child_find(&children, ring_item(r, struct child, in)->id))
			child_free(ring_item(r, struct child, in));
	}
	while (!ring_empty(&children)) {
		struct ring *r = children.next;

		ring_out(r);
		ring_add(&s->children, r);
	}
	free(s->restarts);
	s->restarts = restarts;
	s->nrestarts = 0;
	s->strategy = said->strategy;
	s->intensity = said->intensity;
	s->period_s = said->period_s;
	return 0;
}

#pragma clang section text = "hw_loop"

/* 0, HW_IGNORE, or an error, noted. */
static int ask_init(struct supervisor *s)
{
	struct hw_supervisor said = {.intensity = 1, .period_s = 5};
	int r;

	call_failed(0, "error");
	r = s->init(s->arg, &said);
	return r ? r : take(s, &said);
}

static void *supervisor_init(void *arg)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		hw_gen_server_exit("system_limit");
		return NULL;
	}
	hw_trap_exit(true);
	memcpy(s, arg, sizeof(*s));
	ring_init(&s->children);
	r = ask_init(s);
	if (r == HW_IGNORE)
		hw_gen_server_ignore();
	else if (r != 0)
		hw_gen_server_exit(hw_call_reason());
	else if (!children_start(&s->children, NULL))
		return s;
	else
		hw_gen_server_exit("shutdown");
	children_stop(&s->children, NULL, NULL);
	supervisor_free(s);
	return NULL;
}

/* --- restarts ------------------------------------------------------------- */

/* Notes one. False: that was one too many. */
static bool restart_allowed(struct supervisor *s)
{
	uint64_t now = kill_now(), *at;
	size_t n = s->nrestarts++;

	if (!s->intensity)
		return false;
	at = &s->restarts[n % s->intensity];
	if (n >= s->intensity && now - *at <= s->period_s * 1000000000ull)
		return false;
	*at = now;
	return true;
}

static void try_again(struct child *c)
{
	struct supervisor_request r = {.op = TRY_AGAIN};

	c->restarting = true;
	strcpy(r.id, c->id);
	hw_gen_server_cast(hw_self(), &r, sizeof(r));
}

static void restart(struct supervisor *s, struct child *c)
{
	struct child *failed = NULL;
	struct child *first = s->strategy == HW_ONE_FOR_ALL ? NULL : c;

	if (!restart_allowed(s)) {
		if (c->spec.restart == HW_TEMPORARY)
			child_free(c);
		hw_gen_server_exit("shutdown");
		return;
	}
	c->pid = 0;
	if (s->strategy == HW_ONE_FOR_ONE) {
		if (child_start(c) < 0)
			failed = c;
	} else {
		children_stop(&s->children, first, c);
		failed = children_start(&s->children, first);
	}
	if (failed)
		try_again(failed);
}

static bool is_orderly(const char *reason)
{
	return !strcmp(reason, "normal") || !strcmp(reason, "shutdown");
}

static void child_ended(struct supervisor *s, hw_pid pid, const char *reason)
{
	struct child *c = NULL;

	for (struct ring *r = s->children.next; r != &s->children; r = r->next)
		if (ring_item(r, struct child, in)->pid == pid)
			c = ring_item(r, struct child, in);
	if (!c)
		return;
	c->pid = 0;
	if (c->spec.restart == HW_TEMPORARY)
		child_free(c);
	else if (c->spec.restart == HW_PERMANENT || !is_orderly(reason))
		restart(s, c);
}

static void *supervisor_info(void *state, const struct hw_message *m)
{
	if (m->kind == HW_EXIT)
		child_ended(state, m->from, m->reason);
	return state;
}

static void *supervisor_cast(void *state, const struct hw_message *m)
{
	struct supervisor *s = state;
	const struct supervisor_request *r =
	    (const struct supervisor_request *)(const void *)m->data;
	struct child *c = m->size == sizeof(*r) && m->from == hw_self()
			      ? child_find(&s->children, r->id)
			      : NULL;

	if (c && c->restarting)
		restart(s, c);
	return s;
}

/* --- orders --------------------------------------------------------------- */

static int order_failed(struct supervisor_answer *a, int error,
			const char *reason)
{
	reason_copy(a->reason, reason);
	return error;
}

static int running(struct supervisor_answer *a, const struct child *c)
{
	return order_failed(a, -EBUSY, c->pid ? "running" : "restarting");
}

static int start_it(struct child *c, struct supervisor_answer *a)
{
	int r = child_start(c);

	if (r < 0)
		return order_failed(a, -ECHILD, hw_call_reason());
	a->pid = c->pid;
	return r;
}

static int start_new(struct supervisor *s, const struct supervisor_request *r,
		     struct supervisor_answer *a)
{
	struct child *c = child_find(&s->children, r->id);
	struct hw_child spec = r->child;
	int e;

	if (c) {
		a->pid = c->pid;
		return order_failed(a, -EEXIST,
				    c->pid ? "already_started"
					   : "already_present");
	}
	spec.id = r->id;
	c = child_new(&spec);
	if (!c)
		return order_failed(a, -EINVAL, "badarg");
	e = start_it(c, a);
	if (e < 0 || (e == HW_IGNORE && spec.restart == HW_TEMPORARY))
		child_free(c);
	else
		ring_add(&s->children, &c->in);
	return e;
}

static int obey(struct supervisor *s, const struct supervisor_request *r,
		struct supervisor_answer *a)
{
	struct child *c = child_find(&s->children, r->id);

	if (r->op == START_CHILD)
		return start_new(s, r, a);
	if (!c)
		return order_failed(a, -ENOENT, "not_found");
	if (r->op != TERMINATE_CHILD && (c->pid || c->restarting))
		return running(a, c);
	if (r->op == RESTART_CHILD)
		return start_it(c, a);
	child_stop(c);
	if (r->op == DELETE_CHILD || c->spec.restart == HW_TEMPORARY)
		child_free(c);
	return 0;
}

static void children_answer(const struct supervisor *s, hw_ref ref)
{
	struct supervisor_answer *a;
	size_t n = 0;

	for (struct ring *r = s->children.next; r != &s->children; r = r->next)
		n++;
	a = calloc(1, sizeof(*a) + n * sizeof(a->children[0]));
	if (!a)
		return;
	for (struct ring *r = s->children.next; r != &s->children;
	     r = r->next) {
		const struct child *c = ring_item(r, struct child, in);
		struct hw_child_info *i = &a->children[a->n++];

		*i = (struct hw_child_info){.pid = c->pid,
					    .restarting = c->restarting,
					    .supervisor = c->spec.supervisor,
					    .restart = c->spec.restart};
		strcpy(i->id, c->id);
	}
	hw_gen_server_reply(ref, a, sizeof(*a) + n * sizeof(a->children[0]));
	free(a);
}

static void *supervisor_call(void *state, const struct hw_message *m)
{
	const struct supervisor_request *r =
	    (const struct supervisor_request *)(const void *)m->data;
	struct supervisor_answer a = {.result = 0};

	if (m->size != sizeof(*r)) {
		a.result = order_failed(&a, -EINVAL, "badarg");
	} else if (r->op == WHICH_CHILDREN) {
		children_answer(state, m->ref);
		return state;
	} else {
		a.result = obey(state, r, &a);
	}
	hw_gen_server_reply(m->ref, &a, sizeof(a));
	return state;
}

/* --- its sys callbacks ---------------------------------------------------- */

static void supervisor_terminate(void *state, const char *reason)
{
	struct supervisor *s = state;

	(void)reason;
	children_stop(&s->children, NULL, NULL);
	supervisor_free(s);
}

static int supervisor_change(void **state, const struct hw_sys_change *change)
{
	(void)change;
	return ask_init(*state) == 0 ? 0 : -1;
}

static const char *const strategies[] = {"one_for_one", "one_for_all",
					 "rest_for_one"};
static const char *const restarts[] = {"permanent", "transient", "temporary"};

static int supervisor_text(const void *state, char *text, size_t size)
{
	const struct supervisor *s = state;
	int n = snprintf(text, size, "%s, %u restarts in %u s",
			 strategies[s->strategy], s->intensity, s->period_s);

	for (struct ring *r = s->children.next; r != &s->children;
	     r = r->next) {
		const struct child *c = ring_item(r, struct child, in);
		size_t at = (size_t)n < size ? (size_t)n : size;

		n += snprintf(text + at, size - at, "; %s: %s, process %llu",
			      c->id, restarts[c->spec.restart],
			      (unsigned long long)c->pid);
	}
	return n;
}

static HW_GEN_SERVER(supervisor, .init = supervisor_init,
		     .handle_call = supervisor_call,
		     .handle_cast = supervisor_cast,
		     .handle_info = supervisor_info,
		     .sys = {.terminate = supervisor_terminate,
			     .code_change = supervisor_change,
			     .state_text = supervisor_text});

#pragma clang section text = ""

/* --- for others ----------------------------------------------------------- */

PUBLIC int hw_supervisor_start(hw_supervisor_init *init, void *arg,
			       const struct hw_spawn_options *options,
			       hw_pid *pid)
{
	struct supervisor first = {.init = init, .arg = arg};

	if (!init)
		return call_failed(-EINVAL, "badarg");
	return gen_server_start(supervisor, &first, options, -1, pid,
				(void (*)(void))init);
}
