/* SPDX-License-Identifier: MIT
 *
 * A release and all its targets. Every target is looked at, then everything is
 * prepared everywhere, then order after order is carried out, each in all
 * targets before the next in any. So all serve old code until what could refuse
 * has been asked, and the time in which they differ is that of the orders.
 *
 * Before the point of no return (the end, if the file names none) one target
 * that fails, or ends, takes all of them back: nobody knows whether it ended
 * because of what it was given. After it the others go on, and what each
 * target runs is told. Erlang stops there, in between; it has one node.
 *
 * The sweep removes linked files that none of the targets has; targets of
 * another project's copy have another PROGRAM.hot.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/cc.h"
#include "watcher/jsonget.h"
#include "watcher/manifest.h"
#include "watcher/release-internal.h"

#define PLACES_MAX 3 /* tries */

/* --- all at a time -------------------------------------------------------- */

static int prepare_one(size_t i, void *arg)
{
	struct release_apply *a = arg;
	struct release_target *t = &a->targets[i];

	for (size_t k = 0; k < a->plan.n; k++)
		target_prepare(t, k);
	return 0;
}

static int order_one(size_t i, void *arg)
{
	struct release_apply *a = arg;

	target_order(&a->targets[i], a->order);
	return 0;
}

static int undo_one(size_t i, void *arg)
{
	struct release_apply *a = arg;

	target_undo(&a->targets[i]);
	return 0;
}

static int cancel_one(size_t i, void *arg)
{
	struct release_apply *a = arg;

	target_cancel(&a->targets[i]);
	return 0;
}

static int look_one(size_t i, void *arg)
{
	struct release_apply *a = arg;

	target_look(&a->targets[i]);
	return 0;
}

static void each(struct release_apply *a, int (*one)(size_t i, void *arg))
{
	cc_parallel(a->ntargets, one, a);
}

/* --- failures ------------------------------------------------------------- */

/* The first of the targets that failed; NULL: all are well. */
static const struct release_target *failed(const struct release_apply *a)
{
	for (size_t i = 0; i < a->ntargets; i++)
		if (a->targets[i].reason)
			return &a->targets[i];
	return NULL;
}

/* Once: what came first is the reason. */
static int give_up(struct release_apply *a, const char *reason, char *message)
{
	if (a->message) {
		free(message);
		return -1;
	}
	a->reason = reason;
	a->message = message;
	return -1;
}

static int give_up_for(struct release_apply *a, const struct release_target *t)
{
	struct text order = {0};
	int r;

	if (a->order < a->plan.n)
		release_order_put(&order, &a->plan.v[a->order]);
	r = give_up(a, t->reason,
		    xasprintf("pid %d (%s): %s%s%s", t->pid, t->name,
			      order.s ? order.s : "", order.s ? ": " : "",
			      t->message));
	text_free(&order);
	return r;
}

/* --- which targets -------------------------------------------------------- */

static bool has_any(const struct release_apply *a,
		    const struct release_target *t)
{
	for (size_t i = 0; i < a->release->nmodules; i++)
		if (target_module(t->loaded, a->release->modules[i].name))
			return true;
	return false;
}

static void open_one(struct release_apply *a, const cJSON *hello)
{
	struct release_target *t = &a->targets[a->ntargets];
	const char *program = a->release->program;

	if (program && strcmp(json_str(hello, "name"), program) != 0)
		return;
	*t = (struct release_target){.apply = a};
	target_open(t, hello);
	if (t->reason ? strcmp(t->reason, "lost") != 0 : has_any(a, t))
		a->ntargets++;
	else
		target_free(t); /* it has ended, or has nothing of it */
}

static int targets_open(struct release_apply *a, const cJSON *found)
{
	const cJSON *hello;

	a->targets =
	    xcalloc((size_t)cJSON_GetArraySize(found) + 1, sizeof(*a->targets));
	cJSON_ArrayForEach(hello, found)
	{
		open_one(a, hello);
	}
	if (a->ntargets)
		return 0;
	return give_up(a, "no_target",
		       xasprintf("no process runs%s%s with the modules of %s",
				 a->release->program ? " " : "",
				 a->release->program ? a->release->program : "",
				 a->release->path));
}

static int targets_judge(struct release_apply *a)
{
	for (size_t i = 0; i < a->ntargets; i++)
		target_judge(&a->targets[i]);
	return failed(a) ? give_up_for(a, failed(a)) : 0;
}

static size_t targets_ready(const struct release_apply *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->ntargets; i++)
		n += target_ready(&a->targets[i]);
	return n;
}

/* --- prepare -------------------------------------------------------------- */

/* Whether it is places alone that failed; then nothing has failed yet. */
static bool misplaced(struct release_apply *a)
{
	bool any = false;

	for (size_t i = 0; i < a->ntargets; i++) {
		const char *reason = a->targets[i].reason;

		if (reason && strcmp(reason, "misplaced") != 0)
			return false;
		any |= reason != NULL;
	}
	for (size_t i = 0; any && i < a->ntargets; i++) {
		struct release_target *t = &a->targets[i];

		if (!t->reason)
			continue;
		free(t->reason);
		free(t->message);
		t->reason = t->message = NULL;
		t->state = TARGET_AT_FROM;
	}
	return any;
}

static int prepare(struct release_apply *a)
{
	char *err = NULL;

	for (int i = 0; i < PLACES_MAX; i++) {
		if (release_link(a, &err) < 0)
			return give_up(a, "badfile", err);
		each(a, prepare_one);
		if (!failed(a))
			return 0;
		each(a, cancel_one);
		if (i + 1 == PLACES_MAX || !misplaced(a))
			break;
		release_link_elsewhere(a);
	}
	return give_up_for(a, failed(a));
}

/* --- carry out ------------------------------------------------------------ */

static int take_back(struct release_apply *a)
{
	const struct release_target *t = failed(a);
	int r = give_up_for(a, t);

	each(a, undo_one);
	a->rolled_back = true;
	for (size_t i = 0; i < a->ntargets; i++)
		a->rolled_back &= !a->targets[i].stuck;
	return r;
}

static int carry_out(struct release_apply *a)
{
	int r = 0;

	for (a->order = 0; a->order < a->plan.n; a->order++) {
		a->past_no_return = a->order >= a->plan.no_return;
		each(a, order_one);
		if (!failed(a))
			continue;
		if (!a->past_no_return)
			return take_back(a);
		r = give_up_for(a, failed(a));
	}
	return r;
}

int release_apply(struct release_apply *a, const cJSON *found)
{
	int r;

	release_plan_make(&a->plan, a->release, a->down);
	a->order = a->plan.n; /* none is being carried out */
	r = targets_open(a, found);
	if (r == 0)
		r = targets_judge(a);
	if (r == 0 && targets_ready(a))
		r = prepare(a);
	if (r == 0 && a->dry_run)
		each(a, cancel_one);
	else if (r == 0)
		r = carry_out(a);
	each(a, look_one);
	if (a->all && !a->dry_run)
		release_link_sweep(a);
	a->ok = r == 0;
	return r;
}

void release_apply_free(struct release_apply *a)
{
	for (size_t i = 0; i < a->ntargets; i++)
		target_free(&a->targets[i]);
	free(a->targets);
	release_link_free(a);
	release_plan_free(&a->plan);
	free(a->message);
}
