/* SPDX-License-Identifier: MIT
 *
 * The way back in one target. The notes of what was done are followed from the
 * last to the first: the opposite of "code_change, then load" is "load, then
 * code_change", which is what the way in the other direction wants anyway. A
 * target that cannot be taken back is left where it is, its processes
 * suspended: they would go on with a state that is not their code's.
 *
 * Here are also the parameters that both ways give.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/release-internal.h"

/* --- parameters ----------------------------------------------------------- */

cJSON *params_process(const struct release_step *s, int process)
{
	cJSON *params = cJSON_CreateObject();

	cJSON_AddNumberToObject(params, "process", process);
	cJSON_AddNumberToObject(params, "timeout_ms", s->timeout_ms);
	return params;
}

cJSON *params_change(const struct release_target *t,
		     const struct release_step *s, int process,
		     const char *module, bool down)
{
	const struct release *r = t->apply->release;
	const char *vsn = down ? r->to : r->from;
	cJSON *params = params_process(s, process);

	cJSON_AddStringToObject(params, "module", module);
	if (*vsn)
		cJSON_AddStringToObject(params, "vsn", vsn);
	if (s->extra)
		cJSON_AddStringToObject(params, "extra", s->extra);
	cJSON_AddBoolToObject(params, "down", down);
	return params;
}

cJSON *params_load(const struct release_step *s, bool down)
{
	static const char *const on_held[] = {
	    [RELEASE_LINGER] = "linger",
	    [RELEASE_PURGE_SOFT] = "refuse",
	    [RELEASE_PURGE_BRUTAL] = "kill",
	};
	cJSON *params = cJSON_CreateObject();

	cJSON_AddStringToObject(params, "on_held", on_held[s->pre]);
	cJSON_AddBoolToObject(params, "down", down);
	cJSON_AddBoolToObject(params, "force", true); /* see release_again */
	if (s->extra)
		cJSON_AddStringToObject(params, "extra", s->extra);
	cJSON_AddArrayToObject(params, "modules");
	return params;
}

void params_add(cJSON *params, const char *module, const char *file)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", module);
	cJSON_AddStringToObject(o, "file", file);
	cJSON_AddItemToArray(list, o);
}

/* --- notes ---------------------------------------------------------------- */

void target_undo_add(struct release_target *t, enum release_kind kind,
		     const struct release_step *s, int process,
		     const char *module)
{
	t->undo = xrealloc(t->undo, (t->nundo + 1) * sizeof(*t->undo));
	t->undo[t->nundo++] = (struct target_undo){
	    .kind = kind,
	    .step = s,
	    .process = process,
	    .module = module ? xstrdup(module) : NULL,
	};
}

/* --- back ----------------------------------------------------------------- */

/* What was current before. The code_change of what is left has the say again,
 * in the other direction. */
static cJSON *reload_params(const struct release_target *t,
			    const struct target_undo *u)
{
	cJSON *params = params_load(u->step, !t->apply->down);
	char *only[] = {u->module, NULL};

	cJSON_ReplaceItemInObjectCaseSensitive(params, "on_held",
					       cJSON_CreateString("linger"));
	for (char **m = u->module ? only : u->step->modules; *m; m++)
		params_add(params, *m,
			   json_str(target_module(t->loaded, *m), "file"));
	for (char **m = u->step->with; !u->module && *m; m++)
		params_add(params, *m,
			   json_str(target_module(t->loaded, *m), "file"));
	return params;
}

/* One alone may have an on_load, or not have been there. */
static cJSON *reload(struct release_target *t, const struct target_undo *u,
		     struct client_error *e)
{
	cJSON *params = reload_params(t, u), *list, *one;
	bool there;

	list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	if (cJSON_GetArraySize(list) > 1)
		return target_ask(t, "code/atomicLoad", params, e);
	cJSON_DetachItemViaPointer(params, list);
	one = list->child;
	cJSON_AddStringToObject(params, "module", json_str(one, "module"));
	cJSON_AddStringToObject(params, "file", json_str(one, "file"));
	there = target_hash(t->loaded, json_str(one, "module")) != NULL;
	cJSON_Delete(list);
	return target_ask(t, there ? "code/load" : "code/delete", params, e);
}

static cJSON *undo_one(struct release_target *t, const struct target_undo *u,
		       struct client_error *e)
{
	switch (u->kind) {
	case ORDER_RESUME:
		return target_ask(t, "sys/resume",
				  params_process(u->step, u->process), e);
	case ORDER_SUSPEND:
		return target_ask(t, "sys/suspend",
				  params_process(u->step, u->process), e);
	case ORDER_CHANGE:
		return target_ask(t, "sys/changeCode",
				  params_change(t, u->step, u->process,
						u->module, !t->apply->down),
				  e);
	default:
		return reload(t, u, e);
	}
}

void target_undo(struct release_target *t)
{
	struct client_error e;

	target_cancel(t);
	while (t->client && !t->stuck && t->nundo) {
		struct target_undo *u = &t->undo[t->nundo - 1];
		bool good;

		target_limit(t, u->step);
		good = target_done(undo_one(t, u, &e));

		/* whoever ended meanwhile has no state to be taken back */
		if (!good && e.reason && strcmp(e.reason, "noproc") != 0)
			t->stuck = xasprintf("%s: %s", e.reason, e.message);
		client_error_free(&e);
		free(u->module);
		t->nundo--;
	}
	t->undone = t->client && !t->stuck;
}
