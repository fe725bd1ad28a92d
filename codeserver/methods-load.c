/* SPDX-License-Identifier: MIT
 *
 * code/load, code/atomicLoad, code/rollback. A load may take its time (on_load,
 * the end of a holder); the request's strings are copied, and it is answered
 * when it is done. Who asked hears before all are notified; if he has gone
 * meanwhile the library drops the answer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/history.h"
#include "codeserver/holder-json.h"
#include "codeserver/methods-load.h"
#include "codeserver/methods.h"
#include "codeserver/server.h"

static void add_times(cJSON *o, const struct load_times *t)
{
	cJSON *us = cJSON_AddObjectToObject(o, "microseconds");

	cJSON_AddNumberToObject(us, "total", t->total);
	cJSON_AddNumberToObject(us, "check", t->check);
	cJSON_AddNumberToObject(us, "open", t->open);
	cJSON_AddNumberToObject(us, "bind", t->bind);
	cJSON_AddNumberToObject(us, "publish", t->publish);
	if (t->gate)
		cJSON_AddNumberToObject(us, "gate", t->gate);
}

static void add_ids(cJSON *o, const char *name, const char *const *ids,
		    size_t n)
{
	cJSON *a = cJSON_AddArrayToObject(o, name);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(ids[i]));
}

static void add_list(cJSON *o, const char *name, const cJSON *list)
{
	cJSON_AddItemToObject(o, name,
			      list ? cJSON_Duplicate(list, true)
				   : cJSON_CreateArray());
}

static unsigned blockers(const struct loading *l, const struct hw_version *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->hunt.nholders; i++)
		n += l->hunt.holders[i].version == v;
	return n;
}

/* Old versions that stayed. */
static void add_held(cJSON *o, const struct loading *l, const struct hw_mod *m)
{
	cJSON *list = cJSON_AddArrayToObject(o, "held");
	unsigned kept = 0;

	for (const struct hw_version *v = m->old; v; v = v->older) {
		cJSON *one = cJSON_CreateObject();

		kept++;
		cJSON_AddNumberToObject(one, "version", v->number);
		cJSON_AddNumberToObject(one, "holders", blockers(l, v));
		cJSON_AddItemToArray(list, one);
	}
	cJSON_AddNumberToObject(o, "kept", kept);
}

static cJSON *loaded_json(const struct loading *l, const struct load_item *i)
{
	const struct hw_version *v = i->mod->current;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", i->mod->name);
	cJSON_AddNumberToObject(o, "version", v->number);
	add_hash(o, v->image.desc->hash);
	cJSON_AddBoolToObject(o, "unchanged", i->unchanged);
	add_times(o, &l->times);
	add_ids(o, "added", i->added, i->nadded);
	add_ids(o, "lost", i->lost, i->nlost);
	add_ids(o, "removed", i->removed, i->nremoved);
	add_list(o, "merged", i->merged);
	add_list(o, "conflicts", i->conflicts);
	add_list(o, "migrated", i->migrated);
	add_list(o, "renamed", i->renamed);
	cJSON_AddItemToObject(o, "purged",
			      fates_json(&l->hunt.fates, &l->hunt));
	add_held(o, l, i->mod);
	return o;
}

void loading_tell(const struct loading *l, int result)
{
	for (size_t i = 0; result == 0 && i < l->n; i++) {
		cJSON *o;

		if (l->items[i].unchanged || !l->items[i].mod->current)
			continue;
		o = loaded_json(l, &l->items[i]);
		cJSON_AddNumberToObject(o, "pid", getpid());
		server_notify("code/loaded", o);
	}
	fates_tell(&l->hunt.fates, &l->hunt);
}

void load_request_fail(struct load_request *r)
{
	cJSON *data = failure_json(&r->loading.failure);
	cJSON *list;

	if (r->loading.nheld) {
		list = cJSON_AddArrayToObject(data, "modules");
		for (size_t i = 0; i < r->loading.nheld; i++)
			cJSON_AddItemToArray(list,
					     cJSON_CreateString(
						 r->loading.held[i]->name));
	}
	if (r->loading.hunt.nholders)
		cJSON_AddItemToObject(data, "holders",
				      holders_json(r->loading.hunt.holders,
						   r->loading.hunt.nholders));
	refuse_with(r->req, &r->loading.failure, data);
}

static void answer(struct load_request *r)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(all, "modules");

	if (r->single) {
		hw_rpc_reply(r->req, loaded_json(&r->loading, &r->items[0]));
		cJSON_Delete(all);
		return;
	}
	for (size_t i = 0; i < r->loading.n; i++)
		cJSON_AddItemToArray(list,
				     loaded_json(&r->loading, &r->items[i]));
	hw_rpc_reply(r->req, all);
}

void load_request_free(struct load_request *r)
{
	for (size_t i = 0; i < r->loading.n; i++) {
		free((void *)(uintptr_t)r->items[i].module);
		free((void *)(uintptr_t)r->items[i].file);
		load_item_free(&r->items[i]);
	}
	loading_free(&r->loading);
	free((void *)(uintptr_t)r->loading.extra);
	free(r);
}

static void done(struct loading *l, int result)
{
	struct load_request *r = (struct load_request *)(void *)l;

	if (result < 0)
		load_request_fail(r);
	else
		answer(r);
	loading_tell(l, result);
	load_request_free(r);
}

/* --- from the request ----------------------------------------------------- */

static int policy_read(struct loading *l, const cJSON *params)
{
	const char *s = member_string(params, "on_held");
	const char *extra = member_string(params, "extra");

	l->extra = extra ? strdup(extra) : NULL;
	l->down |=
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(params, "down"));
	l->force =
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(params, "force"));
	l->deadline_ms =
	    (unsigned)member_number(params, "deadline_ms", HELD_DEADLINE_MS);
	if (!s || !strcmp(s, "linger"))
		l->on_held = HELD_LINGER;
	else if (!strcmp(s, "refuse"))
		l->on_held = HELD_REFUSE;
	else if (!strcmp(s, "kill"))
		l->on_held = HELD_KILL;
	else
		return -1;
	return 0;
}

static int item_read(struct load_item *item, const cJSON *o)
{
	const char *module = member_string(o, "module");
	const char *file = member_string(o, "file");

	if (!module || !file || file[0] != '/')
		return -1;
	item->module = strdup(module);
	item->file = strdup(file);
	return item->module && item->file ? 0 : -1;
}

static struct load_request *request_new(struct hw_request *req, size_t n)
{
	struct load_request *r =
	    calloc(1, sizeof(*r) + n * sizeof(struct load_item));

	if (!r)
		return NULL;
	r->req = req;
	r->loading.items = r->items;
	r->loading.n = n;
	r->loading.done = done;
	return r;
}

/* R as PARAMS say; NULL: that was no good, and R is answered and freed. */
static struct load_request *request_read(struct load_request *r,
					 const cJSON *params, bool bad)
{
	if (!bad && policy_read(&r->loading, params) == 0)
		return r;
	hw_rpc_fail(r->req, HW_RPC_INVALID_PARAMS,
		    "each module needs \"module\" and \"file\" (absolute); "
		    "\"on_held\" is linger, refuse or kill",
		    NULL);
	load_request_free(r);
	return NULL;
}

static void submit(struct load_request *r)
{
	if (r)
		loading_submit(&r->loading);
}

static void no_memory(struct hw_request *req)
{
	struct hw_failure f;

	load_no_memory(&f);
	refuse(req, &f);
}

void method_load(struct hw_request *req, const cJSON *params, void *user)
{
	struct load_request *r = request_new(req, 1);

	(void)user;
	if (!r) {
		no_memory(req);
		return;
	}
	r->single = true;
	submit(request_read(r, params, item_read(&r->items[0], params) < 0));
}

struct load_request *load_request_read(struct hw_request *req,
				       const cJSON *params)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
	struct load_request *r = request_new(req, (size_t)n);
	bool bad = n == 0;

	if (!r) {
		no_memory(req);
		return NULL;
	}
	for (int i = 0; !bad && i < n; i++)
		bad = item_read(&r->items[i], cJSON_GetArrayItem(list, i)) < 0;
	return request_read(r, params, bad);
}

void method_atomic_load(struct hw_request *req, const cJSON *params, void *user)
{
	struct load_request *r = load_request_read(req, params);

	(void)user;
	if (r)
		r->loading.atomic = true;
	submit(r);
}

void method_rollback(struct hw_request *req, const cJSON *params, void *user)
{
	struct hw_mod *m = module_param(req, params);
	long to = member_number(params, "to", -1);
	struct load_request *r;
	struct hw_failure f;
	const char *file;

	(void)user;
	if (!m)
		return;
	file = rollback_file(m, to, &f);
	r = file ? request_new(req, 1) : NULL;
	if (!r) {
		if (file)
			load_no_memory(&f);
		refuse(req, &f);
		return;
	}
	r->single = true;
	r->loading.down = true;
	r->items[0].module = strdup(m->name);
	r->items[0].file = strdup(file);
	submit(
	    request_read(r, params, !r->items[0].module || !r->items[0].file));
}
