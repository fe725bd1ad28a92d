/* SPDX-License-Identifier: MIT
 *
 * hotwatch/code.h: purging, and all that only asks. What may take its time is a
 * question (server_ask: a cancellation point, since the caller may be the one
 * to be ended); the rest is done while the caller waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/code-internal.h"
#include "codeserver/history.h"
#include "codeserver/image.h"
#include "codeserver/lingering.h"
#include "codeserver/methods.h"
#include "codeserver/path.h"
#include "codeserver/purging.h"

/* What is asked while the caller waits: the fields that the question needs. */
struct ask {
	const char *module, *dir;
	char *file; /* out: SIZE bytes */
	size_t size;
	hw_pid pid;
	long to;
	struct hw_code_module *modules;
	size_t max;
	long result; /* >= 0, or -1 and failure */
	struct hw_failure failure;
};

static long ask(void (*run)(void *), struct ask *a)
{
	if (!hw_guest.program || server_call(run, a) < 0)
		return code_no_server();
	return a->result < 0 ? code_failed(&a->failure) : a->result;
}

/* The module, or NULL and unknown_module. */
static struct hw_mod *ask_module(struct ask *a)
{
	struct hw_mod *m = a->module ? mod_named(a->module) : NULL;

	if (!m)
		a->result =
		    failure_set(&a->failure, "unknown_module", a->module, NULL,
				"%s: no module of that name here",
				a->module ? a->module : "");
	return m;
}

/* --- purge ---------------------------------------------------------------- */

struct code_purge {
	struct server_question question;
	struct purging purging;
	struct hw_mod *mod;
	struct hw_failure failure;
	int result;
	char module[];
};

static void purge_destroy(struct server_question *q)
{
	free(q);
}

static void purge_done(struct purging *p, int result)
{
	struct code_purge *c =
	    (struct code_purge *)(void *)((char *)p -
					  offsetof(struct code_purge, purging));

	c->result = result < 0 ? -1 : p->purged;
	c->failure = p->hunt.failure;
	fates_tell(&p->hunt.fates, &p->hunt);
	purging_free(p);
	server_answered(&c->question);
}

static void purge_run(struct server_job *job)
{
	struct code_purge *c = (struct code_purge *)(void *)job;

	c->mod = mod_named(c->module);
	if (c->mod) {
		purging_submit(&c->purging);
		return;
	}
	c->result = c->purging.soft; /* as Erlang: there is nothing old */
	server_answered(&c->question);
}

static int purge(const char *module, bool soft, unsigned deadline_ms)
{
	size_t len = module ? strlen(module) : 0;
	struct code_purge *c;
	int r;

	if (!len)
		return code_error("badarg", "the module's name is missing");
	c = hw_guest.program ? calloc(1, sizeof(*c) + len + 1) : NULL;
	if (!c)
		return code_no_server();
	memcpy(c->module, module, len + 1);
	c->question.job.run = purge_run;
	c->question.destroy = purge_destroy;
	c->purging = (struct purging){.mods = &c->mod,
				      .n = 1,
				      .soft = soft,
				      .deadline_ms = deadline_ms,
				      .caller = (pid_t)syscall(SYS_gettid),
				      .done = purge_done};
	if (server_ask(&c->question) < 0)
		r = code_no_server();
	else
		r = c->result < 0 ? code_failed(&c->failure) : c->result;
	server_ask_free(&c->question);
	return r;
}

API int hw_code_soft_purge(const char *module)
{
	return purge(module, true, 0);
}

API int hw_code_purge(const char *module)
{
	return purge(module, false, HELD_DEADLINE_MS);
}

API int hw_code_purge_deadline(const char *module, unsigned deadline_ms)
{
	return purge(module, false, deadline_ms);
}

/* --- delete, rollback ----------------------------------------------------- */

static void delete_run(void *arg)
{
	struct ask *a = arg;
	struct hw_mod *m = mod_named(a->module);

	a->result = m ? module_delete(m, &a->failure) : 0;
}

API int hw_code_delete(const char *module)
{
	struct ask a = {.module = module};

	if (!module)
		return code_error("badarg", "the module's name is missing");
	return (int)ask(delete_run, &a);
}

static void rollback_run(void *arg)
{
	struct ask *a = arg;
	const struct hw_mod *m = ask_module(a);
	const char *file = m ? rollback_file(m, a->to, &a->failure) : NULL;

	if (!m)
		return;
	a->result = file && strlen(file) < a->size ? 0 : -1;
	if (file && a->result < 0)
		failure_set(&a->failure, "nofile", m->name, NULL,
			    "%s: its name is too long", file);
	if (a->result == 0)
		strcpy(a->file, file);
}

API int hw_code_rollback(const char *module, int to)
{
	char file[4096];
	struct ask a = {.module = module,
			.to = to,
			.file = file,
			.size = sizeof(file)};
	int r = (int)ask(rollback_run, &a);
	bool was = code_direction(true);

	if (r == 0)
		r = hw_code_load_abs(module, file);
	code_direction(was);
	return r;
}

/* --- asking --------------------------------------------------------------- */

static void file_give(struct ask *a, const char *file)
{
	if (a->file && a->size)
		snprintf(a->file, a->size, "%s", file);
	a->result = 1;
}

static void is_loaded_run(void *arg)
{
	struct ask *a = arg;
	const struct hw_mod *m = mod_named(a->module);

	if (m && m->current)
		file_give(a, m->current->image.file);
}

API int hw_code_is_loaded(const char *module, char *file, size_t size)
{
	struct ask a = {.module = module, .file = file, .size = size};

	if (!module)
		return code_error("badarg", "the module's name is missing");
	return (int)ask(is_loaded_run, &a);
}

static void which_run(void *arg)
{
	struct ask *a = arg;
	char *file;

	is_loaded_run(a);
	if (a->result)
		return;
	file = path_find_name(a->module);
	if (file)
		file_give(a, file);
	free(file);
}

API int hw_code_which(const char *module, char *file, size_t size)
{
	struct ask a = {.module = module, .file = file, .size = size};

	if (!module)
		return code_error("badarg", "the module's name is missing");
	return (int)ask(which_run, &a);
}

static void all_loaded_run(void *arg)
{
	struct ask *a = arg;

	for (size_t i = 0; i < hw_guest.nmods; i++) {
		const struct hw_mod *m = &hw_guest.mods[i];
		struct hw_code_module *o = &a->modules[a->result];

		if (!m->current)
			continue;
		if ((size_t)a->result++ >= a->max)
			continue;
		snprintf(o->name, sizeof(o->name), "%s", m->name);
		snprintf(o->file, sizeof(o->file), "%s",
			 m->current->image.file);
		o->version = m->current->number;
		o->old = 0;
		for (const struct hw_version *v = m->old; v; v = v->older)
			o->old++;
		o->sticky = path_is_sticky(m);
	}
}

API long hw_code_all_loaded(struct hw_code_module *modules, size_t max)
{
	struct ask a = {.modules = modules, .max = modules ? max : 0};

	return ask(all_loaded_run, &a);
}

static void status_run(void *arg)
{
	struct ask *a = arg;
	struct hw_mod *m = mod_named(a->module);
	struct hw_checked c;
	char *file;

	a->result = HW_CODE_NOT_LOADED;
	if (!m || !m->current)
		return;
	file = path_find(m);
	a->result = HW_CODE_REMOVED;
	if (file && access(file, F_OK) == 0) {
		a->result = HW_CODE_MODIFIED;
		if (image_check(&c, file, m->name, &a->failure) == 0) {
			if (!memcmp(c.desc->hash, m->current->image.desc->hash,
				    HW_HASH_SIZE))
				a->result = HW_CODE_LOADED;
			image_unmap(&c);
		}
	}
	free(file);
}

API int hw_code_module_status(const char *module)
{
	struct ask a = {.module = module};

	if (!module)
		return code_error("badarg", "the module's name is missing");
	return (int)ask(status_run, &a);
}

/* --- sticky, path --------------------------------------------------------- */

static int dir_ask(void (*run)(void *), const char *dir)
{
	char *real = dir ? realpath(dir, NULL) : NULL;
	struct ask a = {.dir = real};
	int r;

	if (!real)
		return code_error("badarg", "%s: %s", dir ? dir : "",
				  dir ? strerror(errno) : "no folder");
	r = (int)ask(run, &a);
	free(real);
	return r;
}

static void dir_result(struct ask *a, int r)
{
	a->result = r < 0 ? failure_set(&a->failure, "badarg", NULL, NULL,
					"%s: not a folder", a->dir)
			  : 0;
}

static void stick_run(void *arg)
{
	struct ask *a = arg;

	dir_result(a, path_stick(a->dir));
}

static void unstick_run(void *arg)
{
	struct ask *a = arg;

	dir_result(a, path_unstick(a->dir));
}

static void add_path_run(void *arg)
{
	struct ask *a = arg;

	dir_result(a, path_add(a->dir));
}

API int hw_code_stick_dir(const char *dir)
{
	return dir_ask(stick_run, dir);
}

API int hw_code_unstick_dir(const char *dir)
{
	return dir_ask(unstick_run, dir);
}

API int hw_code_add_path(const char *dir)
{
	return dir_ask(add_path_run, dir);
}

static void is_sticky_run(void *arg)
{
	struct ask *a = arg;
	const struct hw_mod *m = ask_module(a);

	if (m)
		a->result = path_is_sticky(m);
}

API int hw_code_is_sticky(const char *module)
{
	struct ask a = {.module = module};

	return (int)ask(is_sticky_run, &a);
}

/* --- who is in old code --------------------------------------------------- */

static void check_old_run(void *arg)
{
	struct ask *a = arg;
	const struct hw_mod *m = mod_named(a->module);

	a->result = m && m->old;
}

API int hw_check_old_code(const char *module)
{
	struct ask a = {.module = module};

	if (!module)
		return code_error("badarg", "the module's name is missing");
	return (int)ask(check_old_run, &a);
}

static void check_process_run(void *arg)
{
	struct ask *a = arg;
	struct hw_mod *m = mod_named(a->module);
	struct hunt h = {.mods = &m, .n = 1};

	if (!m || !m->old)
		return;
	hunt_list(&h);
	for (size_t i = 0; i < h.nholders; i++)
		if (h.holders[i].process == a->pid)
			a->result = 1;
	hunt_free(&h);
}

API int hw_check_process_code(hw_pid pid, const char *module)
{
	struct ask a = {.module = module, .pid = pid};

	if (!module || !pid)
		return code_error("badarg", "the %s is missing",
				  pid ? "module's name" : "process");
	return (int)ask(check_process_run, &a);
}
