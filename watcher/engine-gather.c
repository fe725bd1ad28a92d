/* SPDX-License-Identifier: MIT
 *
 * See gather.h. Names are looked up in libuv's pool, because the debug
 * information of a large file takes longer to read than a save may be held up;
 * one at a time, since they share what is open (e->naming). What the worker
 * reads is a copy of its own.
 *
 * A gather lives until its timer has closed and its last question was
 * answered: late answers, and those that the end of a session makes, find it.
 */
#include "watcher/gather.h"

#include "protocol/rpc.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"

#include <stdio.h>
#include <stdlib.h>

struct question {
	struct gather *g;
	struct question *next;
	int pid;
	char *module; /* that it is about; NULL: none */
	bool answered;
};

struct gather {
	struct engine *e;
	gather_done *done;
	void *arg;
	cJSON *answers;
	cJSON *loaded; /* by pid: the modules of those that were asked */
	struct question *first, **last;
	unsigned pending, refs;
	bool over; /* no answer is taken any more */
	uv_timer_t limit;
	uv_work_t work;
};

static void unref(struct gather *g)
{
	struct question *q;
	struct engine *e = g->e;

	if (--g->refs)
		return;
	while ((q = g->first)) {
		g->first = q->next;
		free(q->module);
		free(q);
	}
	cJSON_Delete(g->answers);
	cJSON_Delete(g->loaded);
	free(g);
	engine_handle_closed(e);
}

static void timer_closed(uv_handle_t *h)
{
	unref(h->data);
}

static void deliver(struct gather *g)
{
	cJSON *answers = g->answers;

	g->answers = NULL;
	uv_close((uv_handle_t *)&g->limit, timer_closed);
	if (g->e->closing) {
		cJSON_Delete(answers);
		answers = NULL;
	}
	g->done(g->e, answers, g->arg);
}

/* --- names --------------------------------------------------------------- */

/* Worker thread. */
static void name_answers(uv_work_t *work)
{
	struct gather *g = work->data;
	cJSON *a;

	uv_mutex_lock(&g->e->naming);
	cJSON_ArrayForEach(a, g->answers)
	{
		char pid[16];

		snprintf(pid, sizeof(pid), "%d", json_int(a, "pid", 0));
		held_name(g->e->symbolizer, a, json_at(g->loaded, pid));
	}
	uv_mutex_unlock(&g->e->naming);
}

static void named(uv_work_t *work, int status)
{
	(void)status;
	deliver(work->data);
}

static bool has_holders(const cJSON *o)
{
	const cJSON *i;

	if (held_is_holder(o))
		return true;
	cJSON_ArrayForEach(i, o)
	{
		if (has_holders(i))
			return true;
	}
	return false;
}

static void finish(struct gather *g)
{
	g->over = true;
	uv_timer_stop(&g->limit);
	g->work.data = g;
	if (g->e->closing || !has_holders(g->answers) ||
	    uv_queue_work(g->e->loop, &g->work, name_answers, named) < 0)
		deliver(g);
}

/* --- answers ------------------------------------------------------------- */

static cJSON *answer_add(const struct question *q, bool ok)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "pid", q->pid);
	if (q->module)
		cJSON_AddStringToObject(o, "module", q->module);
	cJSON_AddBoolToObject(o, "ok", ok);
	cJSON_AddItemToArray(q->g->answers, o);
	return o;
}

static void add_failure(const struct question *q, const char *reason,
			const char *message)
{
	cJSON *o = answer_add(q, false), *error;

	error = cJSON_AddObjectToObject(o, "error");
	cJSON_AddStringToObject(error, "reason", reason);
	cJSON_AddStringToObject(error, "message", message);
}

static void add_error(const struct question *q, const cJSON *error)
{
	const cJSON *data = json_at(error, "data");
	cJSON *o;

	if (json_int(error, "code", 0) == HW_RPC_CLOSED) {
		add_failure(q, "lost", "it ended");
		return;
	}
	if (!*json_str(data, "reason")) {
		add_failure(q, "failed", json_str(error, "message"));
		return;
	}
	o = answer_add(q, false);
	cJSON_AddItemToObject(o, "error", cJSON_Duplicate(data, true));
}

static void answered(const cJSON *result, const cJSON *error, void *arg)
{
	struct question *q = arg;
	struct gather *g = q->g;

	q->answered = true;
	if (!g->over && result)
		cJSON_AddItemToObject(answer_add(q, true), "result",
				      cJSON_Duplicate(result, true));
	else if (!g->over)
		add_error(q, error);
	if (!g->over && --g->pending == 0)
		finish(g);
	unref(g);
}

static void limit_over(uv_timer_t *t)
{
	struct gather *g = t->data;

	for (struct question *q = g->first; q; q = q->next)
		if (!q->answered)
			add_failure(q, "no_answer",
				    "the target does not answer; is it "
				    "stopped?");
	finish(g);
}

/* --- asking -------------------------------------------------------------- */

struct gather *gather_new(struct engine *e, unsigned limit_ms,
			  gather_done *done, void *arg)
{
	struct gather *g = xcalloc(1, sizeof(*g));

	g->e = e;
	g->done = done;
	g->arg = arg;
	g->answers = cJSON_CreateArray();
	g->loaded = cJSON_CreateObject();
	g->last = &g->first;
	g->pending = 1; /* until gather_go */
	g->refs = 1;    /* the timer's */
	e->handles++;
	uv_timer_init(e->loop, &g->limit);
	g->limit.data = g;
	uv_timer_start(&g->limit, limit_over, limit_ms, 0);
	return g;
}

/* Holders name their versions; where the files of these are, the target said
 * earlier. */
static void take_loaded(struct gather *g, const struct session *s)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", s->pid);
	cJSON_AddItemToObject(g->loaded, pid, cJSON_Duplicate(s->loaded, true));
}

void gather_ask(struct gather *g, struct peer *p, const char *method,
		cJSON *params)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->g = g;
	q->pid = p->session->pid;
	if (json_at(params, "module"))
		q->module = xstrdup(json_str(params, "module"));
	*g->last = q;
	g->last = &q->next;
	g->pending++;
	g->refs++;
	take_loaded(g, p->session);
	if (session_ask(p->session, method, params, answered, q) == 0)
		return;
	q->answered = true;
	g->pending--;
	g->refs--;
	add_failure(q, "lost", "it ended");
}

void gather_go(struct gather *g)
{
	if (!g->over && --g->pending == 0)
		finish(g);
}
