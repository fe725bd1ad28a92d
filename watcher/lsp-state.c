/* SPDX-License-Identifier: MIT
 *
 * What is the case, from what the watcher tells. Two sources: events say what
 * happened (how long a load took, why it was refused), and watch/status says
 * what is (which modules do not compile, which targets run). An event is taken
 * in, then the status asked for, and all that is told to the editor follows
 * from the two together; so a lost event, a restarted watcher and an editor
 * that came late end in the same picture. To follow events alone was tried on
 * paper and given up: a target that ends, a source that is removed and a
 * reverted header would each need a rule for what they mend.
 *
 * Troubles are events: a refusal stands until something else happened to one
 * of its modules, or all the targets that refused are gone.
 */
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>

/* --- troubles ------------------------------------------------------------ */

static bool shares_module(const cJSON *a, const cJSON *b)
{
	const cJSON *m, *n;

	cJSON_ArrayForEach(m, json_at(a, "modules"))
	{
		cJSON_ArrayForEach(n, json_at(b, "modules"))
		{
			if (cJSON_Compare(m, n, true))
				return true;
		}
	}
	return false;
}

const cJSON *lsp_target(const struct lsp *s, int pid)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(s->watch, "targets"))
	{
		if (json_int(t, "pid", 0) == pid)
			return t;
	}
	return NULL;
}

/* OK: of the targets of EVENT that took it, else of those that did not. */
static bool any_runs(const struct lsp *s, const cJSON *event, bool ok)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		if (json_true(t, "ok") == ok &&
		    lsp_target(s, json_int(t, "pid", 0)))
			return true;
	}
	return false;
}

static bool refused(const cJSON *event)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		if (!json_true(t, "ok"))
			return true;
	}
	return false;
}

bool lsp_is_loss(const cJSON *note)
{
	const char *kind = json_str(note, "kind");

	return !strcmp(kind, "conflict") || !strcmp(kind, "lost");
}

/* A load that somebody should know more of. */
static bool has_loss(const cJSON *event)
{
	const cJSON *t, *note;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		cJSON_ArrayForEach(note, json_at(t, "state"))
		{
			if (lsp_is_loss(note))
				return true;
		}
	}
	return false;
}

static void troubles_drop(struct lsp *s, const cJSON *mended)
{
	const cJSON *t, *next;

	for (t = s->troubles ? s->troubles->child : NULL; t; t = next) {
		next = t->next;
		if (shares_module(t, mended))
			cJSON_Delete(cJSON_DetachItemViaPointer(s->troubles,
								(cJSON *)t));
	}
}

/* Refusals, and losses, of targets that are no more. */
static void troubles_prune(struct lsp *s)
{
	const cJSON *t, *next;

	for (t = s->troubles ? s->troubles->child : NULL; t; t = next) {
		next = t->next;
		if (!any_runs(s, t, false) &&
		    (refused(t) || !any_runs(s, t, true)))
			cJSON_Delete(cJSON_DetachItemViaPointer(s->troubles,
								(cJSON *)t));
	}
}

/* --- events -------------------------------------------------------------- */

/* Of EVENT what is used; what a compiler said may be megabytes. */
static void keep(cJSON **to, const cJSON *event)
{
	static const char *const members[] = {"kind",    "seq",   "modules",
					      "version", "ms",    "targets",
					      "done",    "total", NULL};
	const cJSON *item;

	cJSON_Delete(*to);
	*to = event ? cJSON_CreateObject() : NULL;
	for (size_t i = 0; event && members[i]; i++)
		if ((item = json_at(event, members[i])))
			cJSON_AddItemToObject(*to, members[i],
					      cJSON_Duplicate(item, true));
}

/* What a compiler said, watch/status has; of nobody's program it says none. */
static bool is_trouble(const cJSON *event)
{
	const char *kind = json_str(event, "kind");

	if (!strcmp(kind, "error") || !strcmp(kind, "unchanged"))
		return false;
	return refused(event) || has_loss(event) ||
	       cJSON_GetArraySize(json_at(event, "diagnostics")) > 0;
}

/* How a build went. */
static void on_outcome(struct lsp *s, const cJSON *event)
{
	troubles_drop(s, event);
	keep(&s->building, NULL);
	keep(&s->outcome, event);
	if (!strcmp(json_str(event, "kind"), "live"))
		keep(&s->live, event);
	if (is_trouble(event))
		cJSON_AddItemToArray(s->troubles, cJSON_Duplicate(event, true));
	s->holders_stale = true;
	s->lenses_stale = true;
}

static void on_building(struct lsp *s, const cJSON *event)
{
	keep(&s->building, event);
}

static void on_holding(struct lsp *s, const cJSON *event)
{
	(void)event;
	s->holders_stale = true;
}

/* Perhaps of somebody else's rollback or delete. */
static void on_notice(struct lsp *s, const cJSON *event)
{
	(void)event;
	s->holders_stale = true;
	s->lenses_stale = true;
}

static void on_target(struct lsp *s, const cJSON *event)
{
	if (!strcmp(json_str(event, "kind"), "target-attached"))
		s->attached = json_num(event, "seq", 0);
	s->had_target = true;
	s->holders_stale = true;
	s->lenses_stale = true;
}

static const struct {
	const char *kind;
	void (*take)(struct lsp *s, const cJSON *event);
} kinds[] = {
    {"live", on_outcome},           {"refused", on_outcome},
    {"error", on_outcome},          {"unchanged", on_outcome},
    {"building", on_building},      {"held", on_holding},
    {"purged", on_holding},         {"exited", on_holding},
    {"target-attached", on_target}, {"target-lost", on_target},
    {"notice", on_notice},
};

void lsp_state_event(struct lsp *s, const cJSON *event)
{
	const char *kind = json_str(event, "kind");

	if (!s->troubles)
		s->troubles = cJSON_CreateArray();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].kind, kind))
			kinds[i].take(s, event);
}

/* --- answers ------------------------------------------------------------- */

/* The status comes last: who has heard of an error has its line. */
void lsp_state_tell(struct lsp *s)
{
	lsp_holders_tell(s);
	lsp_problems_tell(s);
	lsp_state_tell_rest(s);
}

void lsp_state_tell_rest(struct lsp *s)
{
	if (s->sources_asked || s->problems_left)
		return; /* for a diagnostic; the rest is told after it */
	lsp_status_tell(s);
	lsp_progress_tell(s);
	lsp_lens_refresh(s);
}

/* What a compiler said is not told again: it is in the answer before. */
static void take_over(cJSON *now, const cJSON *was, const char *list)
{
	static const char *const members[] = {"diagnostics", "message"};
	struct strmap old = {0};
	cJSON *o;

	cJSON_ArrayForEach(o, (cJSON *)json_at(was, list))
	{
		strmap_put(&old, json_str(o, "module"), o);
	}
	cJSON_ArrayForEach(o, (cJSON *)json_at(now, list))
	{
		cJSON *from = strmap_get(&old, json_str(o, "module")), *item;

		if (json_at(o, "diagnostics"))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
			item =
			    cJSON_DetachItemFromObjectCaseSensitive(from,
								    members[i]);
			if (item)
				cJSON_AddItemToObject(o, members[i], item);
		}
	}
	strmap_free(&old);
}

static void take_status(struct lsp *s, const cJSON *result)
{
	cJSON *now = cJSON_Duplicate(result, true);

	take_over(now, s->watch, "errors");
	take_over(now, s->watch, "warnings");
	cJSON_Delete(s->watch);
	s->watch = now;
}

/* A build that was overtaken, or found nothing new, has no outcome; who came
 * while something was built has not heard of it. */
static void take_building(struct lsp *s, int n, bool again)
{
	if (!n && !again)
		keep(&s->building, NULL);
	if (!n || s->building)
		return;
	s->building = cJSON_CreateObject();
	cJSON_AddNumberToObject(s->building, "done", 0);
	cJSON_AddNumberToObject(s->building, "total", n);
}

static void on_status(const cJSON *result, const cJSON *error, void *arg)
{
	struct lsp *s = arg;
	bool again = s->ask_again;

	s->asking = s->ask_again = false;
	if (error || s->phase != LSP_SERVING)
		return;
	take_status(s, result);
	if (s->live && !any_runs(s, s->live, true))
		keep(&s->live, NULL);
	s->had_target |= cJSON_GetArraySize(json_at(result, "targets")) > 0;
	take_building(s, cJSON_GetArraySize(json_at(result, "building")),
		      again);
	troubles_prune(s);
	lsp_holders_ask(s);
	lsp_state_tell(s);
	if (again)
		lsp_state_refresh(s);
}

static cJSON *known(const struct lsp *s)
{
	cJSON *params = cJSON_CreateObject();

	cJSON_AddNumberToObject(params, "known",
				json_num(s->watch, "stamp", 0));
	return params;
}

void lsp_state_refresh(struct lsp *s)
{
	if (s->phase != LSP_SERVING || !s->caught_up)
		return;
	if (s->asking)
		s->ask_again = true;
	else if (lsp_link_ask(s->link, "watch/status", known(s), on_status,
			      s) == 0)
		s->asking = true;
}

/* --- sources ------------------------------------------------------------- */

static void on_which(const cJSON *result, const cJSON *error, void *arg)
{
	struct lsp *s = arg;
	const char *module = json_str(result, "module");

	s->sources_asked--;
	if (!error && !strmap_get(&s->sources, module))
		strmap_put(&s->sources, module,
			   xstrdup(json_str(result, "source")));
	if (s->phase == LSP_SERVING && s->watch)
		lsp_state_tell(s);
}

const char *lsp_source(struct lsp *s, const char *module)
{
	const char *source = strmap_get(&s->sources, module);
	cJSON *params;

	if (source || strmap_get(&s->asked, module))
		return source;
	params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "module", module);
	if (lsp_link_ask(s->link, "watch/which", params, on_which, s) < 0)
		return NULL;
	strmap_put(&s->asked, module, s);
	s->sources_asked++;
	return NULL;
}

/* --- its end ------------------------------------------------------------- */

static void free_values(struct strmap *m)
{
	void *v;

	for (size_t i = 0; strmap_next(m, &i, &v);)
		free(v);
	strmap_free(m);
}

/* All that a watcher told; another one tells its own. */
void lsp_state_down(struct lsp *s)
{
	cJSON **all[] = {&s->watch,    &s->outcome,  &s->live,
			 &s->building, &s->troubles, &s->holding};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		cJSON_Delete(*all[i]);
		*all[i] = NULL;
	}
	s->caught_up = s->asking = s->ask_again = false;
	s->attached = 0;
	s->holders_stale = true;
	strmap_free(&s->asked);
}

void lsp_state_free(struct lsp *s)
{
	lsp_state_down(s);
	free_values(&s->sources);
}
