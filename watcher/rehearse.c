/* SPDX-License-Identifier: MIT
 *
 * The order of a rehearsal. Up, down and up again, each while the command is at
 * work:
 *
 * - A command that asks (`hotwatch rehearse-step`) is run once, and each time
 *   it asks the next step is made while it waits; what it does not ask for is
 *   made when it has ended.
 * - Any other is run four times: once on the old code alone, which also tells
 *   how long it takes, then once for each step, which is made half way. Whether
 *   that is exactly half does not matter to anything that is found.
 *
 * The state is compared across each step that is made while nothing else goes
 * on: those that were asked for, and, after the runs, down and up once more.
 *
 * Who holds old code is asked before the next step and at the end, and not at
 * once after the load: a thread that leaves old code when its next request
 * comes needs one to come.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watcher/jsonget.h"
#include "watcher/kin.h"
#include "watcher/rehearse-internal.h"
#include "watcher/release-internal.h"
#include "watcher/survey.h"

#define ATTACH_MS 10000 /* that a program has to start */

const struct timespec play_nap = {.tv_nsec = 5000000};

int64_t play_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* --- the program ---------------------------------------------------------- */

/* The targets that the program is now; it may have forked. */
static void targets_find(struct play *p)
{
	cJSON *all = survey_targets(NULL, NULL, NULL), *t, *next;

	for (t = all->child; t; t = next) {
		next = t->next;
		if (!kin_descends(json_int(t, "pid", 0), p->guard.pid))
			cJSON_Delete(cJSON_DetachItemViaPointer(all, t));
	}
	cJSON_Delete(p->found);
	p->found = all;
}

static int target_wait(struct play *p, char **err)
{
	int64_t end = play_now() + ATTACH_MS;

	do {
		targets_find(p);
		p->pid = json_int(p->found->child, "pid", 0);
		if (p->pid)
			return 0;
		nanosleep(&play_nap, NULL);
	} while (!guard_ended(&p->guard) && play_now() < end);
	return fail(err,
		    "%s: it has not become a target (%s); what it printed: %s",
		    p->h->program,
		    p->guard.pid ? "no socket in 10 s" : "it ended",
		    p->guard.said);
}

static int start(struct play *p, char **err)
{
	char *const plain[] = {(char *)p->h->program, NULL};
	char *const shell[] = {"/bin/sh", "-c", (char *)p->h->run, NULL};
	char *said = path_join(p->h->scratch, "program.out"), *s;
	int r;

	setenv("HOTWATCH_PROGRAM", p->h->program, 1);
	r = guard_start(&p->guard, p->h->run ? shell : plain, said, err);
	free(said);
	if (r == 0)
		r = target_wait(p, err);
	if (r < 0)
		return -1;
	s = xasprintf("%d", p->pid);
	setenv("HOTWATCH_PID", s, 1);
	free(s);
	setenv("HOTWATCH_SOCKET", json_str(p->found->child, "socket"), 1);
	return 0;
}

/* --- a step --------------------------------------------------------------- */

static const char *direction(const struct play *p)
{
	return p->steps & 1 ? "the downgrade" : "the upgrade";
}

static char *state_read(struct play *p)
{
	char *text;
	int status;

	if (!p->h->state || p->over)
		return NULL;
	text = work_output(p->h->state, p->h->scratch, &status);
	if (status == 0)
		return text;
	play_found(p, RULE_REHEARSAL_STATE, p->h->release->program, "", NULL, 0,
		   xasprintf("the state check ended with status %d %s", status,
			     play_when(p)));
	free(text);
	return NULL;
}

static void state_compare(struct play *p, char *was, char *is)
{
	if (was && is && strcmp(was, is) != 0) {
		size_t n = 0;

		while (was[n] == is[n])
			n++;
		while (n && was[n - 1] != '\n')
			n--; /* the line that differs first */
		play_found(p, RULE_REHEARSAL_STATE, p->h->release->program, "",
			   NULL, 0,
			   xasprintf("the state is not what it was %s: '%.*s' "
				     "became '%.*s'",
				     play_when(p), (int)strcspn(was + n, "\n"),
				     was + n, (int)strcspn(is + n, "\n"),
				     is + n));
	}
	free(was);
	free(is);
}

static void pause_note(struct play *p, const struct release_apply *a)
{
	struct check_pause pause = {.down = p->steps & 1};
	struct check_result *r = p->h->r;

	for (size_t i = 0; i < a->ntargets; i++)
		if (a->targets[i].pause_us > pause.us)
			pause.us = a->targets[i].pause_us;
	if (r->npauses < ARRAY_SIZE(r->pauses))
		r->pauses[r->npauses++] = pause;
}

static void load_failed(struct play *p, const struct release_apply *a)
{
	const struct release_target *t = a->ntargets ? &a->targets[0] : NULL;

	if (!t || t->state == TARGET_LOST) {
		p->steps++; /* it died of this step */
		play_gone(p);
		return;
	}
	play_found(p, RULE_REHEARSAL_LOAD, p->h->release->program, "", NULL, 0,
		   xasprintf("%s failed: %s: %s", direction(p), a->reason,
			     a->message));
	p->over = true;
}

/* STILL: nothing else goes on, so the state can be compared. */
static void step(struct play *p, bool still)
{
	struct release_apply a = {.release = p->h->release,
				  .down = p->steps & 1,
				  .scratch = (char *)p->h->scratch};
	char *was, *is;

	play_holders(p);
	if (!p->over && guard_ended(&p->guard))
		play_gone(p);
	if (p->over)
		return;
	targets_find(p);
	was = still ? state_read(p) : NULL;
	if (release_apply(&a, p->found) < 0) {
		load_failed(p, &a);
	} else {
		pause_note(p, &a);
		p->steps++;
		is = still ? state_read(p) : NULL;
		state_compare(p, was, is);
		was = NULL;
	}
	free(was);
	release_apply_free(&a);
}

/* --- the work ------------------------------------------------------------- */

static void step_asked(struct play *p)
{
	static const char *const words[] = {"upgraded", "downgraded",
					    "upgraded again"};
	unsigned n = p->steps;

	p->asked = true;
	if (n < STEPS)
		step(p, true);
	work_answer(&p->work, p->over     ? "failed"
			      : n < STEPS ? words[n]
					  : "done");
}

static void command_ended(struct play *p, int status)
{
	if (status == 0)
		return;
	play_found(p, RULE_REHEARSAL_COMMAND, p->h->release->program, "", NULL,
		   0,
		   xasprintf("the command failed with status %d %s", status,
			     play_when(p)));
	p->over = true;
}

/* One run of the command, with a step after STEP_MS (-1: with none). */
static int run_once(struct play *p, int step_ms, char **err)
{
	int64_t end = play_now() + step_ms;
	int status = 0;

	if (work_start(&p->work, p->h->command, err) < 0)
		return -1;
	while (p->work.pid && !p->over) {
		int64_t left = step_ms < 0 ? -1 : end - play_now();

		switch (work_wait(&p->work, &p->guard,
				  step_ms < 0 ? -1
				  : left < 0  ? 0
					      : (int)left,
				  &status)) {
		case WORK_ENDED:
			command_ended(p, status);
			break;
		case WORK_ASKS:
			step_asked(p);
			break;
		case WORK_TIME:
			step(p, false);
			step_ms = -1;
			break;
		case WORK_PROGRAM:
			play_gone(p);
			break;
		}
	}
	work_stop(&p->work);
	if (step_ms >= 0 && !p->over)
		step(p, true); /* it was over before its half */
	return 0;
}

static int play(struct play *p, char **err)
{
	int64_t begun = play_now();
	int half, r = run_once(p, -1, err);

	half = (int)((play_now() - begun) / 2);
	while (r == 0 && !p->over && p->steps < STEPS) {
		if (p->asked)
			step(p, true);
		else
			r = run_once(p, half, err);
	}
	if (!p->asked && p->h->state && !p->over) {
		step(p, true);
		step(p, true);
	}
	play_holders(p);
	return r;
}

int rehearse(const struct rehearsal *h, char **err)
{
	struct play p = {.h = h};
	int r = work_open(&p.work, h->scratch, err);

	if (r == 0) {
		p.symbols = symbolizer_new();
		r = start(&p, err);
		if (r == 0)
			r = play(&p, err);
		work_stop(&p.work);
		if (r == 0 && guard_ended(&p.guard))
			play_gone(&p);
		guard_end(&p.guard);
		symbolizer_free(p.symbols);
	}
	work_close(&p.work);
	cJSON_Delete(p.found);
	return r;
}
