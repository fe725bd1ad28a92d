/* SPDX-License-Identifier: MIT
 *
 * One target of a release: its connection, and what it runs. What it is told to
 * do is in release-order.c. A target that has ended, or does not answer, is
 * lost once and for all: its connection is closed, and nothing more is asked of
 * it.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/release-internal.h"

#define ANSWER_MS 20000 /* a gate, a code_change and a purge have less */

/* --- asking --------------------------------------------------------------- */

void target_fail(struct release_target *t, enum target_state state,
		 const char *reason, const char *message)
{
	if (t->reason)
		return;
	t->state = state;
	t->reason = xstrdup(reason);
	t->message = xstrdup(message);
}

static void lost(struct release_target *t, const struct client_error *e)
{
	if (!strcmp(e->reason, "deadline"))
		target_fail(t, TARGET_LOST, "no_answer", e->message);
	else
		target_fail(t, TARGET_LOST, "lost", "it has ended");
}

/* The result, or NULL: it refused, and *E says why (freed by the caller), or is
 * lost. */
cJSON *target_ask(struct release_target *t, const char *method, cJSON *params,
		  struct client_error *e)
{
	cJSON *result = NULL;
	int r;

	*e = (struct client_error){0};
	if (!t->client) {
		cJSON_Delete(params);
		e->reason = xstrdup("lost");
		e->message = xstrdup("it has ended");
		return NULL;
	}
	r = client_call(t->client, method, params, &result, e);
	if (r == CLIENT_CLOSED) {
		lost(t, e);
		client_close(t->client);
		t->client = NULL;
	}
	return r == 0 ? result : NULL;
}

/* The same; a refusal is T's failure. */
cJSON *target_must(struct release_target *t, const char *method, cJSON *params)
{
	struct client_error e;
	cJSON *result = target_ask(t, method, params, &e);

	if (!result)
		target_fail(t, TARGET_FAILED, e.reason ? e.reason : "failed",
			    e.message ? e.message : "");
	client_error_free(&e);
	return result;
}

bool target_done(cJSON *result)
{
	cJSON_Delete(result);
	return result != NULL;
}

static cJSON *modules_ask(struct release_target *t)
{
	cJSON *all = target_must(t, "code/allLoaded", NULL);
	cJSON *modules =
	    cJSON_DetachItemFromObjectCaseSensitive(all, "modules");

	cJSON_Delete(all);
	return modules;
}

void target_open(struct release_target *t, const cJSON *hello)
{
	char *err = NULL;

	t->pid = json_int(hello, "pid", 0);
	t->name = xstrdup(json_str(hello, "name"));
	t->manifest = xstrdup(json_str(hello, "manifest"));
	t->answers = cJSON_CreateArray();
	if (client_open(&t->client, json_str(hello, "socket"), ANSWER_MS, NULL,
			NULL, &err) < 0)
		target_fail(t, TARGET_LOST, "lost", "it has ended");
	else
		t->loaded = modules_ask(t);
	if (!json_true(hello, "reloadable"))
		target_fail(t, TARGET_REFUSED, "unsafe",
			    json_str(hello, "reason"));
	free(err);
}

void target_free(struct release_target *t)
{
	for (size_t i = 0; i < t->nundo; i++)
		free(t->undo[i].module);
	free(t->undo);
	free(t->prepared);
	client_close(t->client);
	cJSON_Delete(t->loaded);
	cJSON_Delete(t->now);
	cJSON_Delete(t->held);
	cJSON_Delete(t->answers);
	free(t->name);
	free(t->manifest);
	free(t->reason);
	free(t->message);
	free(t->stuck);
}

/* --- what it runs --------------------------------------------------------- */

const cJSON *target_module(const cJSON *loaded, const char *module)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, loaded)
	{
		if (!strcmp(json_str(m, "module"), module))
			return m;
	}
	return NULL;
}

const char *target_hash(const cJSON *loaded, const char *module)
{
	const cJSON *m = target_module(loaded, module);

	return m && !json_true(m, "deleted") ? json_str(m, "hash") : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void judge_module(struct release_target *t,
			 const struct release_module *m, size_t *from,
			 size_t *to, struct text *other)
{
	const struct release_apply *a = t->apply;
	const char *hash = target_hash(t->loaded, m->name);

	/* Of the same code the others tell the side. */
	if (release_again(m) && same(hash, m->to))
		++*from, ++*to;
	else if (same(hash, release_had(m, a->down)))
		++*from;
	else if (same(hash, release_wanted(m, a->down)))
		++*to;
	else if (hash)
		text_printf(other, "%s%s is %.12s", other->len ? ", " : "",
			    m->name, hash);
	else
		text_printf(other, "%s%s is not there", other->len ? ", " : "",
			    m->name);
}

void target_judge(struct release_target *t)
{
	const struct release *r = t->apply->release;
	const char *from = t->apply->down ? r->to : r->from;
	size_t nfrom = 0, nto = 0;
	struct text other = {0};

	for (size_t i = 0; !t->reason && i < r->nmodules; i++)
		judge_module(t, &r->modules[i], &nfrom, &nto, &other);
	if (t->reason || nfrom == r->nmodules) {
		text_free(&other);
		return;
	}
	t->state = TARGET_AT_TO;
	if (nto < r->nmodules) {
		char *why = xasprintf(
		    "it does not run what the release begins with%s%s: %s",
		    *from ? ", " : "", from,
		    other.len ? other.s
			      : "some of its modules were upgraded already");

		target_fail(t, TARGET_REFUSED, "not_at_from", why);
		free(why);
	}
	text_free(&other);
}

void target_limit(struct release_target *t, const struct release_step *s)
{
	if (t->client)
		client_limit(t->client, ANSWER_MS + s->timeout_ms);
}

bool target_ready(const struct release_target *t)
{
	return t->state == TARGET_AT_FROM;
}

const char *target_has(const struct release_target *t, const char *module,
		       const char *hash)
{
	const cJSON *m = target_module(t->loaded, module), *v;

	cJSON_ArrayForEach(v, json_at(m, "versions"))
	{
		if (!strcmp(json_str(v, "hash"), hash) &&
		    file_exists(json_str(v, "file")))
			return json_str(v, "file");
	}
	return NULL;
}

void target_look(struct release_target *t)
{
	struct client_error e;
	cJSON *all = target_ask(t, "code/allLoaded", NULL, &e), *list;
	const cJSON *p;

	client_error_free(&e);
	if (!all)
		return;
	t->now = cJSON_DetachItemFromObjectCaseSensitive(all, "modules");
	cJSON_Delete(all);
	all = target_ask(t, "process/list", NULL, &e);
	client_error_free(&e);
	list = cJSON_CreateArray();
	cJSON_ArrayForEach(p, json_at(all, "processes"))
	{
		if (!strcmp(json_str(p, "state"), "suspended"))
			cJSON_AddItemToArray(list, cJSON_Duplicate(p, true));
	}
	cJSON_Delete(all);
	t->held = list;
}
