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
#include "watcher/rehearse.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/kin.h"
#include "watcher/release-internal.h"
#include "watcher/survey.h"

#define ATTACH_MS 10000 /* that a program has to start */
#define STEPS 3         /* up, down, up */

struct play {
	const struct rehearsal *h;
	struct guard guard;
	struct work work;
	cJSON *found; /* the target, as survey_targets tells */
	int pid;
	unsigned steps; /* made so far; the next is down if it is odd */
	bool asked;     /* the command asks for steps */
	bool over;      /* something was found after which nothing can be */
	struct symbolizer *symbols;
};

static const struct timespec nap = {.tv_nsec = 5000000};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* --- findings ------------------------------------------------------------- */

/* When it was: "on the old code", "after the upgrade" ... */
static const char *when(const struct play *p)
{
	static const char *const words[] = {"on the old code",
					    "after the upgrade",
					    "after the downgrade",
					    "after the second upgrade"};

	return words[p->steps <= STEPS ? p->steps : 2 + (p->steps & 1)];
}

static const char *direction(const struct play *p)
{
	return p->steps & 1 ? "the downgrade" : "the upgrade";
}

static void found(struct play *p, enum check_rule_id rule, const char *module,
		  const char *symbol, const char *file, int line, char *message)
{
	check_add_told(p->h->r, rule, module, symbol, file,
		       line > 0 ? (unsigned)line : 0, message);
	free(message);
}

/* The last line that the program printed, malloc'd. */
static char *last_words(const struct play *p)
{
	char *text = NULL, *line;
	size_t len;

	if (file_read(p->guard.said, &text, &len, NULL) < 0)
		return xstrdup("");
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	line = *text ? xasprintf("; it said: %.200s", line ? line + 1 : text)
		     : xstrdup("");
	free(text);
	return line;
}

static void died_at(struct play *p, const struct guard_death *d)
{
	struct symbol_frames at = {0};
	const struct symbol_frame *f = NULL;
	char *last = last_words(p);

	if (d->object[0])
		symbolize_code(p->symbols, d->object, d->offset, &at);
	f = at.n ? &at.v[0] : NULL;
	found(p, RULE_REHEARSAL_CRASH, p->h->release->program,
	      f && f->function ? f->function : "", f ? f->file : NULL,
	      f ? f->line : 0,
	      xasprintf("the program died of %s (%s) %s%s%s%s",
			strsignal(d->signal), sigabbrev_np(d->signal), when(p),
			f && f->function ? ", in " : "",
			f && f->function ? f->function : "", last));
	symbol_frames_free(&at);
	free(last);
}

/* The program is gone: why, and where, as far as it is known. */
static void gone(struct play *p)
{
	int64_t end = now_ms() + 2000;
	struct guard_death d = {0};
	char *last;

	if (p->over)
		return;
	p->over = true;
	while (!guard_ended(&p->guard) && now_ms() < end)
		nanosleep(&nap, NULL); /* others of it may run on */
	if (!guard_death(&p->guard, p->pid, &d) && p->guard.status > 128)
		d.signal = p->guard.status - 128;
	if (d.signal) {
		died_at(p, &d);
		return;
	}
	last = last_words(p);
	found(p, RULE_REHEARSAL_CRASH, p->h->release->program, "", NULL, 0,
	      xasprintf("the program ended with status %d %s, before the "
			"rehearsal was over%s",
			p->guard.status, when(p), last));
	free(last);
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
	int64_t end = now_ms() + ATTACH_MS;

	do {
		targets_find(p);
		p->pid = json_int(p->found->child, "pid", 0);
		if (p->pid)
			return 0;
		nanosleep(&nap, NULL);
	} while (!guard_ended(&p->guard) && now_ms() < end);
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

/* --- holders -------------------------------------------------------------- */

/* The holders that are left of the release's modules in target T; NULL: none,
 * or it is gone. */
static cJSON *holders_ask(const struct play *p, const cJSON *t)
{
	const struct release *r = p->h->release;
	cJSON *params = cJSON_CreateObject(), *result = NULL, *holders;
	cJSON *list = cJSON_AddArrayToObject(params, "modules");
	struct client_error e = {0};

	for (size_t i = 0; i < r->nmodules; i++)
		cJSON_AddItemToArray(list,
				     cJSON_CreateString(r->modules[i].name));
	survey_ask(t, "code/softPurge", params, 10000, &result, &e);
	client_error_free(&e);
	holders = cJSON_DetachItemFromObjectCaseSensitive(result, "holders");
	cJSON_Delete(result);
	if (cJSON_GetArraySize(holders) > 0)
		return holders;
	cJSON_Delete(holders);
	return NULL;
}

static void holder_found(struct play *p, const cJSON *holder, int pid)
{
	struct text t = {0};

	held_phrase(&t, holder, pid);
	found(p, RULE_REHEARSAL_HOLDER, json_str(holder, "module"),
	      json_str(holder, "function"), json_str(holder, "file"),
	      json_int(holder, "line", 0),
	      xasprintf("%s v%d was still held %d ms %s, by %s",
			json_str(holder, "module"),
			json_int(holder, "version", 0), p->h->deadline_ms,
			when(p), t.s ? t.s : json_str(holder, "message")));
	text_free(&t);
}

static void holders_check_in(struct play *p, const cJSON *t, int64_t end)
{
	cJSON *holders, *loaded;
	const cJSON *h;

	while ((holders = holders_ask(p, t)) != NULL && now_ms() < end) {
		cJSON_Delete(holders);
		nanosleep(&nap, NULL);
	}
	if (!holders)
		return;
	loaded = survey_loaded(t);
	held_name(p->symbols, holders, loaded);
	cJSON_ArrayForEach(h, holders)
	{
		holder_found(p, h, json_int(t, "pid", 0));
	}
	cJSON_Delete(loaded);
	cJSON_Delete(holders);
}

static void holders_check(struct play *p)
{
	int64_t end = now_ms() + p->h->deadline_ms;
	const cJSON *t;

	if (!p->steps || p->over)
		return;
	cJSON_ArrayForEach(t, p->found)
	{
		holders_check_in(p, t, end);
	}
}

/* --- a step --------------------------------------------------------------- */

static char *state_read(struct play *p)
{
	char *text;
	int status;

	if (!p->h->state || p->over)
		return NULL;
	text = work_output(p->h->state, p->h->scratch, &status);
	if (status == 0)
		return text;
	found(p, RULE_REHEARSAL_STATE, p->h->release->program, "", NULL, 0,
	      xasprintf("the state check ended with status %d %s", status,
			when(p)));
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
		found(p, RULE_REHEARSAL_STATE, p->h->release->program, "", NULL,
		      0,
		      xasprintf("the state is not what it was %s: '%.*s' "
				"became '%.*s'",
				when(p), (int)strcspn(was + n, "\n"), was + n,
				(int)strcspn(is + n, "\n"), is + n));
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
		gone(p);
		return;
	}
	found(p, RULE_REHEARSAL_LOAD, p->h->release->program, "", NULL, 0,
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

	holders_check(p);
	if (!p->over && guard_ended(&p->guard))
		gone(p);
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
	found(p, RULE_REHEARSAL_COMMAND, p->h->release->program, "", NULL, 0,
	      xasprintf("the command failed with status %d %s", status,
			when(p)));
	p->over = true;
}

/* One run of the command, with a step after STEP_MS (-1: with none). */
static int run_once(struct play *p, int step_ms, char **err)
{
	int64_t end = now_ms() + step_ms;
	int status = 0;

	if (work_start(&p->work, p->h->command, err) < 0)
		return -1;
	while (p->work.pid && !p->over) {
		int64_t left = step_ms < 0 ? -1 : end - now_ms();

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
			gone(p);
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
	int64_t begun = now_ms();
	int half, r = run_once(p, -1, err);

	half = (int)((now_ms() - begun) / 2);
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
	holders_check(p);
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
			gone(&p);
		guard_end(&p.guard);
		symbolizer_free(p.symbols);
	}
	work_close(&p.work);
	cJSON_Delete(p.found);
	return r;
}
