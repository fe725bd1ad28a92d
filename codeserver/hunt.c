/* SPDX-License-Identifier: MIT
 *
 * Steps, as often as it takes: purge what nothing holds; list who holds the
 * rest; end the processes among them; wait for their end; again.
 *
 * Nobody is ended while a foreign thread, a pointer or something unknown holds
 * too, since the purge would fail all the same: it is waited for until the
 * deadline. Only the thread that asked cannot be waited for, since it waits for
 * us. One that cannot be seen may hold nothing: it is ended only if it stays
 * unseen for DOUBT_MS, since libc blocks all signals where it makes or ends a
 * thread, and bystanders that do so are to live. While victims are dying
 * nothing is looked at: a look at a thousand dying threads would slow their
 * end.
 */
#include "codeserver/hunt.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codeserver/process-internal.h"
#include "codeserver/thread-proc.h"

#define WAIT_MIN_MS 1
#define WAIT_MAX_MS 20
#define LAST_WAITS 20

#define DOUBT_MS 100

static bool blocks(const struct holder *h)
{
	return h->kind != HOLDER_POINTER || h->into_code;
}

static void listing_free(struct hunt *h)
{
	holders_free(h->holders, h->nholders);
	h->holders = NULL;
	h->nholders = 0;
}

/* The old versions: a call's worth of them. */
static size_t old_versions(const struct hunt *h, struct holders_of *of)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		for (struct hw_version *v = h->mods[i]->old;
		     v && n < HOLDERS_VERSIONS; v = v->older)
			if (!v->pinned)
				of[n++] = (struct holders_of){.mod = h->mods[i],
							      .version = v};
	return n;
}

int hunt_list(struct hunt *h)
{
	struct holders_of of[HOLDERS_VERSIONS];

	listing_free(h);
	return holders_list(of, old_versions(h, of), &h->holders, &h->nholders);
}

/* The same without sentences and stacks: whom to end. */
static void who_list(struct hunt *h)
{
	struct holders_of of[HOLDERS_VERSIONS];

	listing_free(h);
	holders_who(of, old_versions(h, of), &h->holders, &h->nholders);
}

const char *hunt_blocker(const struct hunt *h)
{
	for (size_t i = 0; i < h->nholders; i++)
		if (blocks(&h->holders[i]))
			return h->holders[i].message;
	return NULL;
}

static const struct holder *foreign_find(const struct hunt *h)
{
	for (size_t i = 0; i < h->nholders; i++)
		if (blocks(&h->holders[i]) && !h->holders[i].process)
			return &h->holders[i];
	return NULL;
}

static bool victim_known(const struct hunt *h, hw_pid pid)
{
	for (size_t i = h->nvictims; i-- > 0;)
		if (h->victims[i].pid == pid)
			return true;
	return false;
}

static void victim_add(struct hunt *h, const struct holder *holder)
{
	struct victim *v;

	if (victim_known(h, holder->process))
		return;
	v = realloc(h->victims, (h->nvictims + 1) * sizeof(*v));
	if (!v)
		return; /* not ended now, but at the next step */
	h->victims = v;
	v[h->nvictims++] = (struct victim){.pid = holder->process,
					   .tid = holder->tid,
					   .mod = holder->mod,
					   .version = holder->version->number};
}

/* Those that were added since there were FIRST. */
static void victims_kill(const struct hunt *h, size_t first)
{
	hw_pid pids[PROCESSES_KILLED];
	size_t n = 0;

	for (size_t i = first; i < h->nvictims; i++) {
		pids[n++] = h->victims[i].pid;
		if (n < PROCESSES_KILLED && i + 1 < h->nvictims)
			continue;
		processes_kill(pids, n, "killed");
		n = 0;
	}
}

static bool victims_alive(const struct hunt *h)
{
	for (size_t i = h->nvictims; i-- > 0;)
		if (process_exists(h->victims[i].pid))
			return true;
	return false;
}

/*
 * A process is over some time before its thread is: to look at a thousand that
 * are just ending takes longer than to wait for them. A number may be another
 * thread's by now, so not for long.
 */
static bool threads_end(struct hunt *h)
{
	if (h->last_waits == LAST_WAITS)
		return false;
	for (size_t i = h->nvictims; i-- > 0;)
		if (thread_cpu(h->victims[i].tid)) {
			h->last_waits++;
			return true;
		}
	return false;
}

static struct hunt *hunting; /* those not finished */

/* As many have ended as there are victims: time to look whether it was they.
 * Without this the last one's end would be seen up to WAIT_MAX_MS later. */
static void process_ended(hw_pid pid, const char *name, const char *reason)
{
	(void)pid;
	(void)name;
	(void)reason;
	for (struct hunt *h = hunting; h; h = h->next)
		if (++h->exits >= h->nvictims && h->nvictims)
			server_later(&h->timer, 0);
}

static void finish(struct hunt *h, int result)
{
	struct hunt **p = &hunting;

	while (*p && *p != h)
		p = &(*p)->next;
	if (*p)
		*p = h->next;
	server_never(&h->timer);
	h->done(h, result);
}

static void give_up(struct hunt *h, const struct holder *foreign)
{
	const char *module = h->n ? h->mods[0]->name : NULL;
	const char *limit = stop_limit();

	if (foreign)
		failure_set(&h->failure, "foreign_holder", foreign->mod->name,
			    NULL,
			    "%s version %u: %s; a thread that is no process, "
			    "or memory, cannot be ended: the version stays",
			    foreign->mod->name, foreign->version->number,
			    foreign->message);
	else
		failure_set(&h->failure, "deadline", module, NULL,
			    "%s: a process that holds old code did not end in "
			    "%u ms; the version stays%s%s",
			    module ? module : "", h->deadline_ms,
			    limit ? "; " : "", limit ? limit : "");
	finish(h, -1);
}

/* The thread that asked holds it itself, and is none that could be ended. */
static bool holds_itself(const struct hunt *h)
{
	for (size_t i = 0; h->caller && i < h->nholders; i++)
		if (h->holders[i].tid == h->caller && !h->holders[i].process &&
		    h->holders[i].kind == HOLDER_FRAME)
			return true;
	return false;
}

static bool doubtful(const struct holder *h)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return h->kind == HOLDER_UNKNOWN &&
	       (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 <
		   h->since + DOUBT_MS;
}

static void again_later(struct hunt *h)
{
	server_later(&h->timer, h->wait);
	h->wait = h->wait * 2 < WAIT_MAX_MS ? h->wait * 2 : WAIT_MAX_MS;
}

static void step(struct server_timer *timer)
{
	struct hunt *h = (struct hunt *)(void *)((char *)timer -
						 offsetof(struct hunt, timer));
	bool late = server_now() >= h->deadline;
	size_t known = h->nvictims;
	const struct holder *foreign;

	if (!late && victims_alive(h)) {
		if (h->exits >= h->nvictims)
			h->exits = 0; /* they were others */
		again_later(h);
		return;
	}
	if (!late && threads_end(h)) {
		server_later(&h->timer, WAIT_MIN_MS);
		return;
	}
	if (purge_mods(h->mods, h->n, false, &h->fates, NULL, NULL) == 0) {
		finish(h, 0);
		return;
	}
	who_list(h);
	foreign = foreign_find(h);
	if (late || (foreign && holds_itself(h))) {
		hunt_list(h); /* with all that there is to say */
		give_up(h, foreign_find(h));
		return;
	}
	for (size_t i = 0; !foreign && i < h->nholders; i++)
		if (blocks(&h->holders[i]) && !doubtful(&h->holders[i]))
			victim_add(h, &h->holders[i]);
	victims_kill(h, known);
	again_later(h);
}

void hunt_start(struct hunt *h)
{
	process_on_exit(process_ended);
	h->next = hunting;
	hunting = h;
	h->timer = (struct server_timer){.run = step};
	h->deadline = server_now() + h->deadline_ms;
	h->wait = WAIT_MIN_MS;
	step(&h->timer);
}

void hunts_forked(void)
{
	hunting = NULL;
}

void hunt_free(struct hunt *h)
{
	server_never(&h->timer);
	fates_free(&h->fates);
	listing_free(h);
	free(h->victims);
}
