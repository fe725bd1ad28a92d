/* SPDX-License-Identifier: MIT
 *
 * What is said of a release: a line a target, with what it runs now, because
 * after a failure that is the first question.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/release-internal.h"
#include "watcher/ui.h"

/* --- where a target is ---------------------------------------------------- */

/* "from", "to", "same" if these are, or "other": what T runs of M. */
static const char *side_of(const struct release_target *t,
			   const struct release_module *m)
{
	const char *hash = target_hash(t->now, m->name);

	if (!hash)
		return m->to ? "other" : "to";
	if (!strcmp(hash, m->from))
		return release_again(m) ? "same" : "from";
	return m->to && !strcmp(hash, m->to) ? "to" : "other";
}

/* The one side that T is on with all modules; NULL: there is none. */
static const char *whole_side(const struct release_target *t)
{
	const struct release *r = t->apply->release;
	const char *side = "same";

	for (size_t i = 0; i < r->nmodules; i++) {
		const char *one = side_of(t, &r->modules[i]);

		if (!strcmp(side, "same"))
			side = one;
		else if (strcmp(one, "same") != 0 && strcmp(one, side) != 0)
			return NULL;
	}
	return strcmp(side, "other") != 0 ? side : NULL;
}

static const char *outcome(const struct release_target *t)
{
	switch (t->state) {
	case TARGET_LOST:
		return t->client ? "no_answer" : "lost";
	case TARGET_REFUSED:
		return "refused";
	case TARGET_AT_TO:
		return "unchanged";
	default:
		break;
	}
	if (t->stuck)
		return "stuck";
	if (t->undone)
		return "rolled_back";
	if (t->state == TARGET_FAILED)
		return "failed";
	if (t->apply->dry_run)
		return "untouched";
	return t->apply->ok || t->apply->past_no_return ? "done" : "untouched";
}

/* --- for a person --------------------------------------------------------- */

static const struct {
	const char *outcome, *words;
	enum ui_style style;
} outcomes[] = {
    {"lost", "lost", UI_BAD},
    {"no_answer", "does not answer", UI_BAD},
    {"refused", "refused", UI_BAD},
    {"unchanged", "was there before", UI_DIM},
    {"stuck", "could not be taken back", UI_BAD},
    {"rolled_back", "taken back", UI_WARN},
    {"failed", "failed", UI_BAD},
    {"untouched", "untouched", UI_PLAIN},
    {"done", "done", UI_GOOD},
};

static void put_outcome(struct text *t, const struct ui *ui, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (!strcmp(outcomes[i].outcome, word))
			ui_put(t, ui, outcomes[i].style, "%s",
			       outcomes[i].words);
}

static void put_now(struct text *t, const struct release_target *target)
{
	const struct release *r = target->apply->release;
	const char *side = whole_side(target), *name = "";

	if (side)
		name = *side == 'f' ? r->from : r->to;
	text_printf(t, "; runs %s%s%s", *name ? name : "", *name ? ": " : "",
		    "");
	for (size_t i = 0; i < r->nmodules; i++) {
		const struct release_module *m = &r->modules[i];
		const cJSON *o = target_module(target->now, m->name);

		text_printf(t, "%s%s", i ? ", " : "", m->name);
		if (!o || json_true(o, "deleted"))
			text_puts(t, " deleted");
		else
			text_printf(t, " v%d", json_int(o, "version", 0));
		if (!side)
			text_printf(t, " (%s)", side_of(target, m));
	}
}

static void put_held(struct text *t, const struct release_target *target)
{
	const cJSON *p;

	if (cJSON_GetArraySize(target->held) == 0)
		return;
	text_puts(t, "; suspended:");
	cJSON_ArrayForEach(p, target->held)
	{
		text_printf(t, " %s",
			    *json_str(p, "name") ? json_str(p, "name") : "?");
	}
}

static void put_target(struct text *t, const struct ui *ui,
		       const struct release_target *target)
{
	ui_put(t, ui, UI_NAME, "pid %d", target->pid);
	text_printf(t, " %s  ", target->name);
	put_outcome(t, ui, outcome(target));
	if (target->now)
		put_now(t, target);
	put_held(t, target);
	text_puts(t, "\n");
	if (target->reason)
		text_printf(t, "  %s: %s\n", target->reason, target->message);
	if (target->stuck)
		text_printf(t, "  taking it back: %s\n", target->stuck);
}

void release_tell_targets(struct text *t, const struct ui *ui,
			  const struct release_apply *a)
{
	for (size_t i = 0; i < a->ntargets; i++)
		put_target(t, ui, &a->targets[i]);
}

void release_tell_plan(struct text *t, const struct ui *ui,
		       const struct release_apply *a)
{
	size_t n = 0;

	text_printf(t, "in each of %zu target%s, prepared in all first:\n",
		    a->ntargets, a->ntargets == 1 ? "" : "s");
	for (size_t i = 0; i < a->plan.n; i++) {
		text_printf(t, "%4zu  ", ++n);
		release_order_put(t, &a->plan.v[i]);
		if (i == a->plan.no_return &&
		    a->plan.v[i].kind != ORDER_NO_RETURN)
			ui_put(t, ui, UI_DIM, " (not taken back)");
		text_puts(t, "\n");
	}
}

/* --- JSON ----------------------------------------------------------------- */

static void add_error(cJSON *o, const char *reason, const char *message)
{
	cJSON *error = cJSON_AddObjectToObject(o, "error");

	cJSON_AddStringToObject(error, "reason", reason);
	cJSON_AddStringToObject(error, "message", message);
}

static cJSON *modules_json(const struct release_target *t)
{
	const struct release *r = t->apply->release;
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; t->now && i < r->nmodules; i++) {
		const struct release_module *m = &r->modules[i];
		const cJSON *has = target_module(t->now, m->name);
		const char *hash = target_hash(t->now, m->name);
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "module", m->name);
		cJSON_AddNumberToObject(o, "version",
					json_int(has, "version", 0));
		if (hash)
			cJSON_AddStringToObject(o, "hash", hash);
		else
			cJSON_AddTrueToObject(o, "deleted");
		cJSON_AddStringToObject(o, "at", side_of(t, m));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *target_json(const struct release_target *t)
{
	cJSON *o = cJSON_CreateObject(), *list;
	const cJSON *p;

	cJSON_AddNumberToObject(o, "pid", t->pid);
	cJSON_AddStringToObject(o, "name", t->name);
	cJSON_AddStringToObject(o, "outcome", outcome(t));
	cJSON_AddItemToObject(o, "modules", modules_json(t));
	cJSON_AddNumberToObject(o, "pause_us", t->pause_us);
	list = cJSON_AddArrayToObject(o, "suspended");
	cJSON_ArrayForEach(p, t->held)
	{
		cJSON_AddItemToArray(list,
				     cJSON_Duplicate(json_at(p, "process"),
						     true));
	}
	if (t->reason)
		add_error(o, t->reason, t->message);
	if (t->stuck)
		cJSON_AddStringToObject(o, "stuck", t->stuck);
	return o;
}

static cJSON *plan_json(const struct release_apply *a)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < a->plan.n; i++) {
		struct text t = {0};
		cJSON *one;

		release_order_put(&t, &a->plan.v[i]);
		one = cJSON_CreateString(t.s);
		cJSON_AddItemToArray(list, one);
		text_free(&t);
	}
	return list;
}

cJSON *release_tell_json(const struct release_apply *a)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "release", a->release->path);
	cJSON_AddStringToObject(o, "from", a->release->from);
	cJSON_AddStringToObject(o, "to", a->release->to);
	cJSON_AddStringToObject(o, "direction", a->down ? "down" : "up");
	cJSON_AddBoolToObject(o, "dry_run", a->dry_run);
	cJSON_AddBoolToObject(o, "ok", a->ok);
	cJSON_AddBoolToObject(o, "past_no_return", a->past_no_return);
	cJSON_AddBoolToObject(o, "rolled_back", a->rolled_back);
	cJSON_AddItemToObject(o, "orders", plan_json(a));
	list = cJSON_AddArrayToObject(o, "targets");
	for (size_t i = 0; i < a->ntargets; i++)
		cJSON_AddItemToArray(list, target_json(&a->targets[i]));
	if (!a->ok)
		add_error(o, a->reason, a->message);
	return o;
}
