/* SPDX-License-Identifier: MIT
 *
 * code/prepareLoading, code/finishLoading, code/cancelLoading: the slow half of
 * a load ahead, the switch later. Whoever upgrades many targets prepares in all
 * of them first; what would refuse the load is known then, and nothing that the
 * program can see has changed.
 *
 * What is prepared belongs to the connection that asked for it and goes with
 * it: a client that dies in the middle leaves nothing behind. It is finished
 * once. Other loads may come between; finishing judges anew.
 *
 * Whether a server is suspended is asked when it is finished: that is when its
 * state must not be in use.
 */
#include <stdlib.h>

#include "codeserver/methods-load.h"
#include "codeserver/methods.h"

#define PREPARED_MAX 256 /* images take room in the arena */

static struct load_request *all;
static long last; /* number */

static size_t prepared_count(void)
{
	size_t n = 0;

	for (const struct load_request *r = all; r; r = r->next)
		n++;
	return n;
}

/* The one that NUMBER means to USER is taken out of the list; or NULL. */
static struct load_request *prepared_take(const void *user, long number)
{
	struct load_request **at = &all, *r;

	while (*at && ((*at)->user != user || (*at)->number != number))
		at = &(*at)->next;
	r = *at;
	if (r)
		*at = r->next;
	return r;
}

void prepared_forget(const void *user)
{
	struct load_request **at = &all;

	while (*at) {
		struct load_request *r = *at;

		if (r->user != user) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		load_request_free(r);
	}
}

void prepared_forked(void)
{
	all = NULL; /* their connections are the parent's */
}

static cJSON *item_json(const struct load_item *i)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", i->mod->name);
	cJSON_AddBoolToObject(o, "unchanged", i->unchanged);
	return o;
}

static void prepared_answer(struct load_request *r)
{
	const struct load_times *t = load_times(r->loading.set);
	cJSON *o = cJSON_CreateObject(), *list, *us;

	cJSON_AddNumberToObject(o, "prepared", (double)r->number);
	list = cJSON_AddArrayToObject(o, "modules");
	for (size_t i = 0; i < r->loading.n; i++)
		cJSON_AddItemToArray(list, item_json(&r->items[i]));
	us = cJSON_AddObjectToObject(o, "microseconds");
	cJSON_AddNumberToObject(us, "check", t->check);
	cJSON_AddNumberToObject(us, "open", t->open);
	hw_rpc_reply(r->req, o);
	r->req = NULL;
}

void method_prepare_loading(struct hw_request *req, const cJSON *params,
			    void *user)
{
	struct load_request *r = load_request_read(req, params);

	if (!r)
		return;
	r->loading.atomic = r->loading.n > 1;
	if (prepared_count() == PREPARED_MAX) {
		failure_set(&r->loading.failure, "system_limit", NULL, NULL,
			    "%d loads are prepared; finish or cancel some",
			    PREPARED_MAX);
		load_request_fail(r);
		load_request_free(r);
		return;
	}
	if (loading_prepare(&r->loading) < 0) {
		load_request_fail(r);
		load_request_free(r);
		return;
	}
	r->number = ++last;
	r->user = user;
	r->next = all;
	all = r;
	prepared_answer(r);
}

static struct load_request *
prepared_param(struct hw_request *req, const cJSON *params, const void *user)
{
	long number = member_number(params, "prepared", 0);
	struct load_request *r = prepared_take(user, number);
	struct hw_failure f;

	if (r) {
		r->req = req;
		return r;
	}
	failure_set(&f, "badarg", NULL, NULL,
		    "nothing is prepared on this connection as %ld, or it was "
		    "finished",
		    number);
	refuse(req, &f);
	return NULL;
}

void method_finish_loading(struct hw_request *req, const cJSON *params,
			   void *user)
{
	struct load_request *r = prepared_param(req, params, user);

	if (r)
		loading_submit(&r->loading);
}

void method_cancel_loading(struct hw_request *req, const cJSON *params,
			   void *user)
{
	struct load_request *r = prepared_param(req, params, user);

	if (!r)
		return;
	load_request_free(r);
	hw_rpc_reply(req, cJSON_CreateObject());
}
