/* SPDX-License-Identifier: MIT
 *
 * From JSON to the code server's functions and back: what they all share, and
 * the methods that only ask. The table at the end is what the socket serves.
 */
#include "codeserver/methods.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codeserver/guest.h"
#include "codeserver/holders-methods.h"
#include "codeserver/process-methods.h"
#include "codeserver/sys-methods.h"

const char *member_string(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

long member_number(const cJSON *o, const char *name, long otherwise)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, name);
	double value = cJSON_IsNumber(n) ? cJSON_GetNumberValue(n) : -1;

	return value >= 0 && value < 1e9 ? (long)value : otherwise;
}

cJSON *failure_json(const struct hw_failure *f)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddStringToObject(data, "reason", f->reason);
	if (f->module[0])
		cJSON_AddStringToObject(data, "module", f->module);
	if (f->symbol[0])
		cJSON_AddStringToObject(data, "symbol", f->symbol);
	cJSON_AddStringToObject(data, "message", f->message);
	return data;
}

void refuse_with(struct hw_request *req, const struct hw_failure *f,
		 cJSON *data)
{
	hw_rpc_fail(req, HW_RPC_REFUSED, f->message, data);
}

void refuse(struct hw_request *req, const struct hw_failure *f)
{
	refuse_with(req, f, failure_json(f));
}

struct hw_mod *module_named(struct hw_request *req, const char *name)
{
	struct hw_mod *m = name ? mod_named(name) : NULL;
	struct hw_failure f;

	if (!name) {
		hw_rpc_fail(req, HW_RPC_INVALID_PARAMS, "\"module\" is missing",
			    NULL);
	} else if (!m) {
		failure_set(&f, "unknown_module", name, NULL,
			    "%s: no module of that name here", name);
		refuse(req, &f);
	}
	return m;
}

struct hw_mod *module_param(struct hw_request *req, const cJSON *params)
{
	return module_named(req, member_string(params, "module"));
}

void add_hash(cJSON *o, const uint8_t hash[HW_HASH_SIZE])
{
	char hex[33];

	hash_hex(hash, hex);
	cJSON_AddStringToObject(o, "hash", hex);
}

void add_hex(cJSON *o, const char *name, uintptr_t value)
{
	char s[32];

	snprintf(s, sizeof(s), "%#lx", (unsigned long)value);
	cJSON_AddStringToObject(o, name, s);
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

/* --- code/isLoaded, code/which, code/allLoaded ---------------------------- */

static void code_is_loaded(struct hw_request *req, const cJSON *params,
			   void *user)
{
	const char *name = member_string(params, "module");
	const struct hw_mod *m = name ? mod_named(name) : NULL;

	(void)user;
	if (!name)
		module_param(req, params);
	else if (m && m->current)
		hw_rpc_reply(req, cJSON_CreateString(m->current->image.file));
	else
		hw_rpc_reply(req, cJSON_CreateBool(false));
}

static void code_which(struct hw_request *req, const cJSON *params, void *user)
{
	const struct hw_mod *m = module_param(req, params);
	struct hw_failure f;
	cJSON *o;

	(void)user;
	if (!m)
		return;
	if (!m->current) {
		failure_set(&f, "undef", m->name, NULL,
			    "%s: it was deleted, and is not loaded", m->name);
		refuse(req, &f);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "module", m->name);
	cJSON_AddStringToObject(o, "file", m->current->image.file);
	cJSON_AddStringToObject(o, "source", m->source);
	cJSON_AddNumberToObject(o, "version", m->current->number);
	add_hash(o, m->current->image.desc->hash);
	hw_rpc_reply(req, o);
}

static void add_place(cJSON *o, const struct hw_version *v)
{
	cJSON_AddNumberToObject(o, "version", v->number);
	add_hash(o, v->image.desc->hash);
	cJSON_AddStringToObject(o, "file", v->image.file);
	add_hex(o, "base", v->image.base);
	cJSON_AddNumberToObject(o, "size", (double)v->image.size);
}

static cJSON *version_json(const struct hw_version *v, const char *state)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "state", state);
	add_place(o, v);
	if (v->kept)
		cJSON_AddStringToObject(o, "kept", v->kept);
	return o;
}

static cJSON *module_json(const struct hw_mod *m)
{
	const struct hw_version *newest = m->current ? m->current
					  : m->old   ? m->old
						     : m->fenced;
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "module", m->name);
	cJSON_AddStringToObject(o, "source", m->source);
	if (newest)
		add_place(o, newest);
	if (!m->current)
		cJSON_AddBoolToObject(o, "deleted", true);
	list = cJSON_AddArrayToObject(o, "versions");
	if (m->current)
		cJSON_AddItemToArray(list, version_json(m->current, "current"));
	for (const struct hw_version *v = m->old; v; v = v->older)
		cJSON_AddItemToArray(list,
				     version_json(v, version_state(m, v)));
	for (const struct hw_version *v = m->fenced; v; v = v->older)
		cJSON_AddItemToArray(list, version_json(v, "fenced"));
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
    {"code/load", method_load},
    {"code/atomicLoad", method_atomic_load},
    {"code/prepareLoading", method_prepare_loading},
    {"code/finishLoading", method_finish_loading},
    {"code/cancelLoading", method_cancel_loading},
    {"code/rollback", method_rollback},
    {"code/softPurge", method_soft_purge},
    {"code/purge", method_purge},
    {"code/delete", method_delete},
    {"code/isLoaded", code_is_loaded},
    {"code/which", code_which},
    {"code/allLoaded", code_all_loaded},
    {"code/holders", method_holders},
    {"process/list", process_list},
    {"sys/suspend", method_sys_suspend},
    {"sys/resume", method_sys_resume},
    {"sys/changeCode", method_sys_change_code},
    {"sys/getState", method_sys_get_state},
    {"sys/replaceState", method_sys_replace_state},
    {"sys/statistics", method_sys_statistics},
    {NULL, NULL},
};
