/* SPDX-License-Identifier: MIT
 *
 * code/softPurge, code/purge, code/delete, and the notification code/purged.
 */
#include <stdlib.h>
#include <unistd.h>

#include "codeserver/holder-json.h"
#include "codeserver/methods.h"
#include "codeserver/purging.h"
#include "codeserver/server.h"

static const char *const outcomes[] = {
    [FATE_UNMAPPED] = "unmapped",
    [FATE_FENCED] = "fenced",
    [FATE_KEPT] = "kept",
};

static void add_killed(cJSON *o, const struct hunt *h, const struct fate *f)
{
	cJSON *list = cJSON_AddArrayToObject(o, "killed");

	for (size_t i = 0; h && i < h->nvictims; i++)
		if (!f || (h->victims[i].mod == f->mod &&
			   h->victims[i].version == f->version))
			cJSON_AddItemToArray(list,
					     cJSON_CreateNumber(
						 (double)h->victims[i].pid));
}

static cJSON *fate_json(const struct fate *f, const struct hunt *h)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "module", f->mod->name);
	cJSON_AddNumberToObject(o, "version", f->version);
	add_hash(o, f->hash);
	cJSON_AddStringToObject(o, "outcome", outcomes[f->outcome]);
	cJSON_AddNumberToObject(o, "unmapped", (double)f->unmapped);
	cJSON_AddNumberToObject(o, "kept", (double)f->kept);
	if (f->why)
		cJSON_AddStringToObject(o, "why", f->why);
	add_killed(o, h, f);
	return o;
}

cJSON *fates_json(const struct fates *fates, const struct hunt *h)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < fates->n; i++)
		cJSON_AddItemToArray(list, fate_json(&fates->list[i], h));
	return list;
}

void fates_tell(const struct fates *fates, const struct hunt *h)
{
	for (size_t i = 0; i < fates->n; i++) {
		cJSON *o = fate_json(&fates->list[i], h);

		cJSON_AddNumberToObject(o, "pid", getpid());
		server_notify("code/purged", o);
	}
}

/* --- purging -------------------------------------------------------------- */

struct purge_request {
	struct purging purging;
	struct hw_request *req;
	struct hw_mod *mods[];
};

static void fail(const struct purge_request *r)
{
	const struct hunt *h = &r->purging.hunt;
	cJSON *data = failure_json(&h->failure);

	cJSON_AddItemToObject(data, "holders",
			      holders_json(h->holders, h->nholders));
	refuse_with(r->req, &h->failure, data);
}

static void answer(const struct purge_request *r)
{
	const struct hunt *h = &r->purging.hunt;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddBoolToObject(o, "purged", r->purging.purged);
	if (!r->purging.soft)
		add_killed(o, h, NULL);
	cJSON_AddItemToObject(o, "versions", fates_json(&h->fates, h));
	if (r->purging.soft)
		cJSON_AddItemToObject(o, "holders",
				      holders_json(h->holders, h->nholders));
	hw_rpc_reply(r->req, o);
}

static void done(struct purging *p, int result)
{
	struct purge_request *r = (struct purge_request *)(void *)p;

	if (result < 0)
		fail(r);
	else
		answer(r);
	fates_tell(&p->hunt.fates, &p->hunt);
	purging_free(p);
	free(r);
}

/* Each is entered once. False: it is not known, and that was answered. */
static bool mod_add(struct purge_request *r, const char *name)
{
	struct purging *p = &r->purging;
	struct hw_mod *m = module_named(r->req, name);

	for (size_t i = 0; m && i < p->n; i++)
		if (p->mods[i] == m)
			return true;
	if (m)
		p->mods[p->n++] = m;
	return m != NULL;
}

static bool mods_take(struct purge_request *r, const cJSON *params,
		      const cJSON *list)
{
	const cJSON *name;

	r->purging.mods = r->mods;
	if (!list)
		return mod_add(r, member_string(params, "module"));
	cJSON_ArrayForEach(name, list)
	{
		if (!mod_add(r, cJSON_GetStringValue(name)))
			return false;
	}
	return true;
}

static void submit(struct hw_request *req, const cJSON *params, bool soft)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	size_t n = list ? (size_t)cJSON_GetArraySize(list) : 1;
	struct purge_request *r =
	    calloc(1, sizeof(*r) + n * sizeof(r->mods[0]));
	struct hw_failure f;

	if (!r) {
		load_no_memory(&f);
		refuse(req, &f);
		return;
	}
	r->req = req;
	if (!mods_take(r, params, list)) {
		free(r);
		return;
	}
	r->purging.soft = soft;
	r->purging.deadline_ms =
	    (unsigned)member_number(params, "deadline_ms", HELD_DEADLINE_MS);
	r->purging.done = done;
	purging_submit(&r->purging);
}

void method_soft_purge(struct hw_request *req, const cJSON *params, void *user)
{
	(void)user;
	submit(req, params, true);
}

void method_purge(struct hw_request *req, const cJSON *params, void *user)
{
	(void)user;
	submit(req, params, false);
}

void method_delete(struct hw_request *req, const cJSON *params, void *user)
{
	struct hw_mod *m = module_param(req, params);
	struct hw_failure f;
	cJSON *o;
	int r;

	(void)user;
	if (!m)
		return;
	r = module_delete(m, &f);
	if (r < 0) {
		refuse(req, &f);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "deleted", r == 1);
	hw_rpc_reply(req, o);
}
