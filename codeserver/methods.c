/* SPDX-License-Identifier: MIT
 *
 * From JSON to the code server's functions and back. One function a method;
 * the table at the end is what the socket serves.
 */
#include "codeserver/methods.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/guest.h"
#include "codeserver/holders-methods.h"
#include "codeserver/load.h"
#include "codeserver/process-methods.h"
#include "codeserver/server.h"

static const char *member_string(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void refuse(struct hw_request *req, const struct hw_failure *f)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", f->reason);
	if (f->module[0])
		cJSON_AddStringToObject(data, "module", f->module);
	if (f->symbol[0])
		cJSON_AddStringToObject(data, "symbol", f->symbol);
	cJSON_AddStringToObject(data, "message", f->message);
	hw_rpc_fail(req, HW_RPC_REFUSED, f->message, data);
}

static void add_hash(cJSON *o, const struct hw_version *v)
{
	char hex[33];

	hash_hex(v->image.desc->hash, hex);
	cJSON_AddStringToObject(o, "hash", hex);
}

static void add_hex(cJSON *o, const char *name, uintptr_t value)
{
	char s[32];

	snprintf(s, sizeof(s), "%#lx", (unsigned long)value);
	cJSON_AddStringToObject(o, name, s);
}

static void add_ids(cJSON *o, const char *name, const char *const *ids,
		    size_t n)
{
	cJSON *a = cJSON_AddArrayToObject(o, name);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(ids[i]));
}

/* --- code/hello ----------------------------------------------------------- */

/* A new file each time: the program may have changed its command line. */
static void add_args(cJSON *o)
{
	cJSON *args = cJSON_AddArrayToObject(o, "args");
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	buf[n] = '\0';
	for (char *p = buf; p < buf + n; p += strlen(p) + 1)
		cJSON_AddItemToArray(args, cJSON_CreateString(p));
}

static void code_hello(struct hw_request *req, const cJSON *params, void *user)
{
	const struct hw_program *p = hw_guest.program;
	cJSON *o = cJSON_CreateObject();

	(void)params;
	(void)user;
	cJSON_AddNumberToObject(o, "pid", getpid());
	cJSON_AddStringToObject(o, "program", p->program);
	cJSON_AddStringToObject(o, "manifest", p->manifest);
	cJSON_AddStringToObject(o, "root", p->root);
	add_args(o);
	cJSON_AddNumberToObject(o, "started", (double)hw_guest.started);
	cJSON_AddNumberToObject(o, "abi", HW_ABI);
	cJSON_AddBoolToObject(o, "reloadable", !hw_guest.unfit);
	if (hw_guest.unfit)
		cJSON_AddStringToObject(o, "reason", hw_guest.unfit);
	hw_rpc_reply(req, o);
}

/* --- code/load, code/atomicLoad ------------------------------------------- */

static void add_times(cJSON *o, const struct load_times *t)
{
	cJSON *us = cJSON_AddObjectToObject(o, "microseconds");

	cJSON_AddNumberToObject(us, "total", t->total);
	cJSON_AddNumberToObject(us, "check", t->check);
	cJSON_AddNumberToObject(us, "open", t->open);
	cJSON_AddNumberToObject(us, "bind", t->bind);
	cJSON_AddNumberToObject(us, "publish", t->publish);
}

static cJSON *loaded_json(const struct load_item *i, const struct load_times *t)
{
	const struct hw_version *v = i->mod->current;
	cJSON *o = cJSON_CreateObject();
	unsigned kept = 0;

	for (const struct hw_version *k = i->mod->old; k; k = k->older)
		kept++;
	cJSON_AddStringToObject(o, "module", i->module);
	cJSON_AddNumberToObject(o, "version", v->number);
	add_hash(o, v);
	cJSON_AddBoolToObject(o, "unchanged", i->unchanged);
	add_times(o, t);
	add_ids(o, "added", i->added, i->nadded);
	add_ids(o, "lost", i->lost, i->nlost);
	add_ids(o, "removed", i->removed, i->nremoved);
	cJSON_AddNumberToObject(o, "kept", kept);
	return o;
}

static void notify_loaded(const cJSON *loaded)
{
	cJSON *o = cJSON_Duplicate(loaded, true);

	cJSON_AddNumberToObject(o, "pid", getpid());
	server_notify("code/loaded", o);
}

static int item_read(struct load_item *item, const cJSON *o)
{
	item->module = member_string(o, "module");
	item->file = member_string(o, "file");
	return item->module && item->file && item->file[0] == '/' ? 0 : -1;
}

static void bad_params(struct hw_request *req)
{
	hw_rpc_fail(req, HW_RPC_INVALID_PARAMS,
		    "each module needs \"module\" and \"file\" (absolute)",
		    NULL);
}

/* Answers before it notifies: the one who asked hears first. */
static void load_answer(struct hw_request *req, struct load_item *items,
			size_t n, bool single)
{
	struct load_times times = {0};
	struct hw_failure f = {0};
	cJSON *list, *all;

	if (load_set(items, n, &times, &f) < 0) {
		refuse(req, &f);
		return;
	}
	all = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(all, "modules");
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, loaded_json(&items[i], &times));
	if (single)
		hw_rpc_reply(req, cJSON_Duplicate(cJSON_GetArrayItem(list, 0),
						  true));
	else
		hw_rpc_reply(req, cJSON_Duplicate(all, true));
	for (size_t i = 0; i < n; i++)
		if (!items[i].unchanged)
			notify_loaded(cJSON_GetArrayItem(list, (int)i));
	cJSON_Delete(all);
}

static void code_load(struct hw_request *req, const cJSON *params, void *user)
{
	struct load_item item = {0};

	(void)user;
	if (item_read(&item, params) < 0) {
		bad_params(req);
		return;
	}
	load_answer(req, &item, 1, true);
	load_item_free(&item);
}

static void code_atomic_load(struct hw_request *req, const cJSON *params,
			     void *user)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(params, "modules");
	int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
	struct load_item *items = calloc((size_t)n + 1, sizeof(*items));
	int bad = n == 0 || !items;

	(void)user;
	for (int i = 0; !bad && i < n; i++)
		bad = item_read(&items[i], cJSON_GetArrayItem(list, i)) < 0;
	if (bad)
		bad_params(req);
	else
		load_answer(req, items, (size_t)n, false);
	for (int i = 0; items && i < n; i++)
		load_item_free(&items[i]);
	free(items);
}

/* --- code/isLoaded, code/which, code/allLoaded ---------------------------- */

static const char *module_param(struct hw_request *req, const cJSON *params)
{
	const char *name = member_string(params, "module");

	if (!name)
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS, "\"module\" is missing",
			    NULL);
	return name;
}

static void code_is_loaded(struct hw_request *req, const cJSON *params,
			   void *user)
{
	const char *name = module_param(req, params);
	const struct hw_mod *m;

	(void)user;
	if (!name)
		return;
	m = mod_find(name);
	hw_rpc_reply(req, m ? cJSON_CreateString(m->current->image.file)
			    : cJSON_CreateBool(false));
}

static void code_which(struct hw_request *req, const cJSON *params, void *user)
{
	const char *name = module_param(req, params);
	const struct hw_mod *m;
	struct hw_failure f;
	cJSON *o;

	(void)user;
	if (!name)
		return;
	m = mod_find(name);
	if (!m) {
		failure_set(&f, "unknown_module", name, NULL,
			    "%s: no module of that name here", name);
		refuse(req, &f);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "module", m->name);
	cJSON_AddStringToObject(o, "file", m->current->image.file);
	cJSON_AddStringToObject(o, "source", m->source);
	cJSON_AddNumberToObject(o, "version", m->current->number);
	add_hash(o, m->current);
	hw_rpc_reply(req, o);
}

static void add_place(cJSON *o, const struct hw_version *v)
{
	cJSON_AddStringToObject(o, "file", v->image.file);
	add_hex(o, "base", v->image.base);
	cJSON_AddNumberToObject(o, "size", (double)v->image.size);
}

static cJSON *version_json(const struct hw_version *v, const char *state)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "version", v->number);
	cJSON_AddStringToObject(o, "state", state);
	add_hash(o, v);
	add_place(o, v);
	if (v->kept)
		cJSON_AddStringToObject(o, "kept", v->kept);
	return o;
}

static cJSON *module_json(const struct hw_mod *m)
{
	cJSON *o = cJSON_CreateObject(), *list;
	const char *state = "old";

	cJSON_AddStringToObject(o, "module", m->name);
	cJSON_AddStringToObject(o, "source", m->source);
	cJSON_AddNumberToObject(o, "version", m->current->number);
	add_hash(o, m->current);
	add_place(o, m->current);
	list = cJSON_AddArrayToObject(o, "versions");
	cJSON_AddItemToArray(list, version_json(m->current, "current"));
	for (const struct hw_version *v = m->old; v; v = v->older) {
		cJSON_AddItemToArray(list, version_json(v, state));
		state = "lingering";
	}
	return o;
}

static void code_all_loaded(struct hw_request *req, const cJSON *params,
			    void *user)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "modules");

	(void)params;
	(void)user;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		cJSON_AddItemToArray(list, module_json(&hw_guest.mods[i]));
	hw_rpc_reply(req, o);
}

const struct hw_rpc_method methods_table[] = {
    {"code/hello", code_hello},
    {"code/load", code_load},
    {"code/atomicLoad", code_atomic_load},
    {"code/isLoaded", code_is_loaded},
    {"code/which", code_which},
    {"code/allLoaded", code_all_loaded},
    {"code/holders", method_holders},
    {"process/list", process_list},
    {NULL, NULL},
};
