/* SPDX-License-Identifier: MIT
 *
 * code/holders, and code/holdersChanged: how many hold a version, told when
 * that number changes.
 *
 * The number is of threads, counted each HOLDERS_COUNT_MS as long as a look
 * (purge.c) has found something held: memory is not searched for a number.
 */
#include "codeserver/holders-methods.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/holder-json.h"
#include "codeserver/server.h"
#include "codeserver/snapshot.h"

#define HOLDERS_COUNT_MS 500
#define FIRST_COUNT_MS 50 /* a purge that is about to end them goes first */
#define TOLD 256

static struct told {
	const struct hw_mod *mod; /* NULL: free */
	unsigned version, holders;
} told[TOLD];
static size_t next_told;

/* --- code/holders --------------------------------------------------------- */

static const char *state_of(const struct hw_mod *m, const struct hw_version *v)
{
	return v->deleted ? "deleted" : v == m->old ? "old" : "lingering";
}

static bool module_wanted(const struct hw_mod *m, const char *name)
{
	const char *tail = strrchr(m->name, '/');

	return !name || !strcmp(m->name, name) ||
	       (tail && !strcmp(tail + 1, name));
}

size_t holders_old(struct holders_of *of, const char *module)
{
	size_t n = 0;

	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const struct hw_mod *m = &hw_guest.mods[i];
		const struct hw_version *v =
		    module_wanted(m, module) ? m->old : NULL;

		for (; v && n < HOLDERS_VERSIONS; v = v->older)
			of[n++] = (struct holders_of){.mod = m, .version = v};
	}
	return n;
}

static cJSON *version_json(const struct holders_of *of,
			   const struct holder *list, size_t n)
{
	cJSON *o = cJSON_CreateObject(), *all;
	uint64_t since = 0;

	cJSON_AddStringToObject(o, "module", of->mod->name);
	cJSON_AddNumberToObject(o, "version", of->version->number);
	cJSON_AddStringToObject(o, "state", state_of(of->mod, of->version));
	all = cJSON_AddArrayToObject(o, "holders");
	for (size_t i = 0; i < n; i++) {
		if (list[i].version != of->version)
			continue;
		cJSON_AddItemToArray(all, holder_json(&list[i]));
		if (!since || list[i].since < since)
			since = list[i].since;
	}
	if (since)
		cJSON_AddNumberToObject(o, "since", (double)since);
	return o;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void method_holders(struct hw_request *req, const cJSON *params, void *user)
{
	const char *name = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(params, "module"));
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n = holders_old(of, name), nlist = 0;
	struct holder *list = NULL;
	cJSON *o = cJSON_CreateObject();
	cJSON *modules = cJSON_AddArrayToObject(o, "modules"), *us;
	double began = now_us();
	struct snapshot_pauses pauses;

	(void)user;
	if (n)
		holders_list(of, n, &list, &nlist);
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(modules,
				     version_json(&of[i], list, nlist));
	pauses = snapshot_pauses();
	us = cJSON_AddObjectToObject(o, "microseconds");
	cJSON_AddNumberToObject(us, "total", now_us() - began);
	cJSON_AddNumberToObject(us, "pause", pauses.longest / 1000.0);
	cJSON_AddNumberToObject(o, "asked", pauses.threads);
	cJSON_AddNumberToObject(o, "paused_long", pauses.long_ones);
	holders_free(list, nlist);
	hw_rpc_reply(req, o);
}

/* --- code/holdersChanged -------------------------------------------------- */

static struct told *told_of(const struct holders_of *of)
{
	struct told *t;

	for (size_t i = 0; i < TOLD; i++)
		if (told[i].mod == of->mod &&
		    told[i].version == of->version->number)
			return &told[i];
	t = &told[next_told++ % TOLD];
	*t = (struct told){of->mod, of->version->number, 0};
	return t;
}

static void tell(const struct holders_of *of, unsigned n)
{
	struct told *t = told_of(of);
	cJSON *o;

	if (t->holders == n)
		return;
	t->holders = n;
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "pid", getpid());
	cJSON_AddStringToObject(o, "module", of->mod->name);
	cJSON_AddNumberToObject(o, "version", of->version->number);
	cJSON_AddNumberToObject(o, "holders", n);
	server_notify("code/holdersChanged", o);
}

static void count(struct server_timer *timer)
{
	struct holders_of of[HOLDERS_VERSIONS];
	size_t n = holders_old(of, NULL);
	bool held = false;

	if (!n || holders_count(of, n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		/* one that memory holds was told of by the look */
		if (of[i].holders || told_of(&of[i])->holders > 1)
			tell(&of[i], of[i].holders);
		held |= of[i].holders > 0;
	}
	if (held)
		server_later(timer, HOLDERS_COUNT_MS);
}

void holders_looked(const struct holders_of *of, size_t n)
{
	static struct server_timer timer = {.run = count};

	for (size_t i = 0; i < n; i++) {
		if (of[i].code && !told_of(&of[i])->holders)
			server_later(&timer, FIRST_COUNT_MS);
		if (of[i].code && !told_of(&of[i])->holders)
			tell(&of[i], 1);
		else if (!of[i].code)
			tell(&of[i], 0);
	}
}
