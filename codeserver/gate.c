/* SPDX-License-Identifier: MIT
 *
 * A variable that moves must not be touched while it is copied, nor by old code
 * afterwards. So before it:
 *
 * 1. One publish turns all entries of the modules that use it to traps
 *    (trap.h). Who calls waits there, and his arguments with him.
 * 2. Threads that are inside already, in a function from which the variable may
 *    still be reached, must be able to leave, and may call more of the module
 *    on their way: those are let go on, to the code that was there. Who is one
 *    is decided by the same look at all threads that decides whether anybody is
 *    left inside, in one thread, so nobody slips in between: who is let in was
 *    seen inside, and is seen there again until it has left.
 * 3. When nobody is inside, memory is searched: for coroutines in such a
 *    function, and for pointers to the storage itself. Then the gate is sealed:
 *    nobody is let in any more, until the new code is published with the new
 *    storage. The publish turns the entries again, and all who waited go on in
 *    the new code.
 * 4. Who is still inside after CLOSED_MS waits for something that is not ours:
 *    the entries become what they were, and who waited goes on in the old code.
 *    Threads inside are then watched with the gate open, until each was seen
 *    outside once, and it is tried again. So one that never leaves (a loop in
 *    the module) costs the load, not those who call. One that could run has
 *    RUNNING_MS more: where cores are few it may not have had one.
 * 5. Past the deadline it is said who was inside.
 *
 * Nothing waits for anything but the calls at the gate: the code server looks,
 * serves others, and looks again. So a thread inside that waits for one at the
 * gate (which may hold its lock) costs the load, not the program. There is one
 * gate at a time; two would wait for each other's threads.
 *
 * A caller's question lies on its own stack, because a gate may be before an
 * allocator, and is asked with signals blocked, so that no handler leaves it by
 * a jump. It is no cancellation point; a process that is to end does so when
 * the call returns from here.
 *
 * Rejected: stopping all threads (it must be done without their help, and they
 * stop with locks held); counting those who enter (each call would pay,
 * always).
 */
#include "codeserver/gate.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/arena.h"
#include "codeserver/image.h"
#include "codeserver/load-internal.h"
#include "codeserver/trap.h"

#define LOOK_MIN_MS 1
#define LOOK_MAX_MS 20
#define CLOSED_MS 100  /* at most, and as long open between */
#define RUNNING_MS 200 /* more */

void *gate_resolve(uint32_t index, uintptr_t frame);

/* A call that waits, on the caller's stack. */
struct gate_call {
	struct server_job job;
	uint32_t index;
	uintptr_t frame; /* of trap-entry.S */
	pid_t tid;
	void *entry;
	int answered; /* futex */
	struct gate_call *next;
};

static struct gate *gates; /* the first is at work, the others wait */
static struct gate_call *waiting;

/* --- in the thread that calls --------------------------------------------- */

static void call_wait(struct gate_call *c)
{
	while (!__atomic_load_n(&c->answered, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &c->answered, FUTEX_WAIT_PRIVATE, 0, NULL,
			NULL, 0);
}

static void call_arrived(struct server_job *job);

/* Without a code server nobody opens the gate; but then it was opened. */
static void *entry_by_itself(uint32_t index)
{
	void *entry = table_entry(index);

	while (trap_is(&trap_gate, (uintptr_t)entry)) {
		sched_yield();
		entry = table_entry(index);
	}
	return stub_addr(index);
}

void *gate_resolve(uint32_t index, uintptr_t frame)
{
	struct gate_call c = {.job = {.run = call_arrived},
			      .index = index,
			      .frame = frame,
			      .tid = (pid_t)syscall(SYS_gettid)};
	sigset_t all, was;
	int e = errno;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	if (server_post(&c.job) == 0)
		call_wait(&c);
	else
		c.entry = entry_by_itself(index);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	errno = e;
	return c.entry;
}

/* --- calls that wait ------------------------------------------------------ */

static void call_answer(struct gate_call *c, void *entry)
{
	int *answered = &c->answered;

	c->entry = entry;
	__atomic_store_n(answered, 1, __ATOMIC_RELEASE);
	/* its stack may be gone by now; then nobody wakes */
	syscall(SYS_futex, answered, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void look_soon(struct gate *g);

static void call_arrived(struct server_job *job)
{
	struct gate_call *c = (struct gate_call *)(void *)job;
	void *entry = table_entry(c->index);
	struct gate *g = gates;

	if (!trap_is(&trap_gate, (uintptr_t)entry)) {
		call_answer(c, stub_addr(c->index));
		return;
	}
	entry = g && g->sealed && g->guest_entry
		    ? g->guest_entry(g->arg, c->tid, c->index)
		    : NULL;
	if (entry) {
		call_answer(c, entry);
		return;
	}
	c->next = waiting;
	waiting = c;
	if (g && !g->sealed)
		look_soon(g);
}

bool gate_waits(pid_t tid, struct gate_wait *w)
{
	const struct gate_call *c = waiting;

	while (c && c->tid != tid)
		c = c->next;
	if (c)
		*w = (struct gate_wait){.frame = c->frame, .index = c->index};
	return c != NULL;
}

/* Those who are inside go on in the code that was there. */
static void calls_let_in(const struct gate *g)
{
	struct gate_call **p = &waiting, *c;

	while ((c = *p) != NULL) {
		if (!gate_look_inside(g->look, c->tid)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		call_answer(c, gate_entry(c->index));
	}
}

/* The gate is open. They go by their stubs once more: until one has woken it
 * may be closed again, and he is nowhere to be seen on his way. */
static void calls_answer(void)
{
	struct gate_call *c;

	while ((c = waiting) != NULL) {
		waiting = c->next;
		call_answer(c, stub_addr(c->index));
	}
}

/* --- entries -------------------------------------------------------------- */

static bool version_has(const struct hw_version *v, uintptr_t entry)
{
	for (; v; v = v->older)
		if (image_has(&v->image, entry))
			return true;
	return false;
}

static bool entry_of(const struct gate *g, uintptr_t entry)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct hw_mod *m = g->mods[i];

		if ((m->current && image_has(&m->current->image, entry)) ||
		    version_has(m->old, entry))
			return true;
	}
	return false;
}

static int entries_find(struct gate *g)
{
	size_t n = 0;

	for (uint32_t i = 0; i < hw_guest.nfuncs; i++)
		n += entry_of(g, (uintptr_t)table_entry(i));
	g->index = calloc(n + 1, sizeof(*g->index));
	g->not_entry = calloc(n + 1, sizeof(*g->not_entry));
	if (!g->index || !g->not_entry)
		return -1;
	for (uint32_t i = 0; i < hw_guest.nfuncs; i++) {
		uintptr_t entry = (uintptr_t)table_entry(i);

		if (!entry_of(g, entry))
			continue;
		g->index[g->nentries] = i;
		g->not_entry[g->nentries++] = ~entry;
	}
	return 0;
}

size_t gate_changes(const struct gate *g, struct table_change *changes)
{
	for (size_t i = 0; g->closed && i < g->nentries; i++)
		changes[i] = (struct table_change){g->index[i],
						   (void *)~g->not_entry[i]};
	return g->closed ? g->nentries : 0;
}

void *gate_entry(uint32_t index)
{
	const struct gate *g = gates;

	for (size_t i = 0; g && g->closed && i < g->nentries; i++)
		if (g->index[i] == index)
			return (void *)~g->not_entry[i];
	return table_entry(index);
}

static int entries_turn(struct gate *g, bool closed)
{
	struct table_change *c = calloc(g->nentries + 1, sizeof(*c));
	int r = c ? 0 : -1;

	for (size_t i = 0; r == 0 && i < g->nentries; i++) {
		c[i].index = g->index[i];
		c[i].entry = closed ? trap_entry(&trap_gate, g->index[i])
				    : (void *)~g->not_entry[i];
		r = c[i].entry ? 0 : -1;
	}
	if (r == 0)
		r = table_publish(c, g->nentries, hw_guest.nfuncs);
	if (c)
		explicit_bzero(c, g->nentries * sizeof(*c));
	free(c);
	return r;
}

/* --- one after another ---------------------------------------------------- */

static void gate_begin(struct gate *g);

static void gate_end(struct gate *g)
{
	free(g->index);
	free(g->not_entry);
	gate_look_free(g->look);
	g->index = NULL;
	g->not_entry = NULL;
	g->look = NULL;
	g->nentries = 0;
	server_never(&g->timer);
	gates = g->next;
	if (gates)
		gate_begin(gates);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* To make room for the table once more is all that can fail here; the traps
 * stay if it does, and are opened when there is memory. */
static void entries_open(struct gate *g)
{
	unsigned us = g->shut_at ? (unsigned)(now_us() - g->shut_at) : 0;

	g->shut_us = us > g->shut_us ? us : g->shut_us;
	g->shut_at = 0;
	while (g->closed && entries_turn(g, false) < 0)
		sched_yield();
	g->closed = false;
	calls_answer();
}

void gate_open(struct gate *g, bool published)
{
	g->closed &= !published;
	g->sealed = false;
	entries_open(g);
	gate_end(g);
}

static void give_up(struct gate *g)
{
	char who[700];

	gate_look_who(g->look, who, sizeof(who));
	failure_set(&g->failure, "unsafe", g->n ? g->mods[0]->name : NULL,
		    g->nids ? var_bare(g->ids[0]) : NULL,
		    "%s: %s; nothing was loaded, try again when that is over",
		    g->n ? g->mods[0]->name : "", who);
	gate_open(g, false);
	g->done(g, -1);
}

static void look_again(struct gate *g, uint64_t now)
{
	server_later(&g->timer, g->deadline - now > g->deadline_ms / 2
				    ? LOOK_MIN_MS
				    : LOOK_MAX_MS);
}

static void closed_step(struct gate *g)
{
	uint64_t now = server_now();
	bool inside = gate_look_threads(g->look);

	calls_let_in(g);
	/* A pointer may have moved from memory that was not searched yet to a
	 * stack that already was. */
	if (!inside && !gate_look_memory(g->look) &&
	    !gate_look_threads(g->look)) {
		g->sealed = true;
		g->done(g, 0);
		return;
	}
	if (now >= g->deadline) {
		give_up(g);
		return;
	}
	if (now >= g->turn + (gate_look_runs(g->look) ? RUNNING_MS : 0)) {
		entries_open(g);
		gate_look_watch(g->look);
		g->turn = now + CLOSED_MS;
	}
	look_again(g, now);
}

static void gate_try(struct gate *g)
{
	if (entries_turn(g, true) < 0) {
		load_no_memory(&g->failure);
		gate_end(g);
		g->done(g, -1);
		return;
	}
	g->closed = true;
	g->shut_at = now_us();
	g->turn = server_now() + CLOSED_MS;
	closed_step(g);
}

/* Who calls all the time may have been met inside each time, so before the
 * deadline it is tried with him as well. */
static void open_step(struct gate *g)
{
	uint64_t now = server_now();

	gate_look_threads(g->look);
	if (now + CLOSED_MS < g->deadline &&
	    (now < g->turn || gate_look_stays(g->look)))
		look_again(g, now);
	else
		gate_try(g);
}

static void gate_step(struct server_timer *timer)
{
	struct gate *g = (struct gate *)(void *)((char *)timer -
						 offsetof(struct gate, timer));

	if (g->closed)
		closed_step(g);
	else
		open_step(g);
}

static void look_soon(struct gate *g)
{
	if (g->closed && g->timer.at > server_now() + LOOK_MIN_MS)
		server_later(&g->timer, 0);
}

static void gate_begin(struct gate *g)
{
	g->timer.run = gate_step;
	g->deadline = server_now() + g->deadline_ms;
	g->look = gate_look_new(g);
	if (!g->look || entries_find(g) < 0) {
		load_no_memory(&g->failure);
		gate_end(g);
		g->done(g, -1);
		return;
	}
	gate_try(g);
}

void gate_close(struct gate *g)
{
	struct gate **p = &gates;

	g->closed = g->sealed = false;
	g->shut_at = g->shut_us = 0;
	g->next = NULL;
	g->index = NULL;
	g->not_entry = NULL;
	g->nentries = 0;
	g->look = NULL;
	while (*p)
		p = &(*p)->next;
	*p = g;
	if (gates == g)
		gate_begin(g);
}

void gate_forked(void)
{
	struct gate *g = gates;

	waiting = NULL;
	gates = NULL;
	if (g && g->closed)
		entries_turn(g, false);
}
