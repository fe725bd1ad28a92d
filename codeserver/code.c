/* SPDX-License-Identifier: MIT
 *
 * hotwatch/code.h: loading. Each call is a question to the code server's thread
 * (server_ask): that may take its time, and the wait is a cancellation point,
 * so that a process which holds what it purges can be ended there. So all that
 * the work needs is copied into the question.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/code-internal.h"
#include "codeserver/loading.h"
#include "codeserver/methods.h"
#include "codeserver/path.h"

/* --- errors --------------------------------------------------------------- */

static const char *const reasons[] = {
    [-HW_CODE_NOT_PURGED] = "not_purged",
    [-HW_CODE_BADFILE] = "badfile",
    [-HW_CODE_NOFILE] = "nofile",
    [-HW_CODE_STICKY_DIRECTORY] = "sticky_directory",
    [-HW_CODE_ON_LOAD_FAILURE] = "on_load_failure",
    [-HW_CODE_ON_LOAD_NOT_ALLOWED] = "on_load_not_allowed",
    [-HW_CODE_DUPLICATED] = "duplicated",
    [-HW_CODE_UNDEF] = "undef",
    [-HW_CODE_UNSAFE] = "unsafe",
    [-HW_CODE_FOREIGN_HOLDER] = "foreign_holder",
    [-HW_CODE_DEADLINE] = "deadline",
    [-HW_CODE_UNKNOWN_MODULE] = "unknown_module",
    [-HW_CODE_MISPLACED] = "misplaced",
    [-HW_CODE_BADARG] = "badarg",
    [-HW_CODE_NO_SERVER] = "no_server",
    [-HW_CODE_CHANGE_FAILED] = "code_change_failed",
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static __thread char last_error[512];

/* What this thread's loads give to a code_change. */
static __thread char change_extra[512];
static __thread bool change_down;

API const char *hw_code_reason(int error)
{
	return error < 0 && (size_t)-error < REASONS ? reasons[-error] : "ok";
}

API const char *hw_code_error(void)
{
	return last_error;
}

int code_number(const char *reason)
{
	for (size_t i = 1; reason && i < REASONS; i++)
		if (!strcmp(reasons[i], reason))
			return -(int)i;
	return reason ? HW_CODE_BADFILE : 0;
}

int code_failed(const struct hw_failure *f)
{
	snprintf(last_error, sizeof(last_error), "%s", f->message);
	return code_number(f->reason);
}

int code_error(const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, ap);
	va_end(ap);
	return code_number(reason);
}

int code_no_server(void)
{
	return code_error("no_server",
			  hw_guest.program
			      ? "the code server's thread could not be started"
			      : "this program was not built with hotwatch cc");
}

static int code_no_memory(void)
{
	return code_error("badfile", "out of memory");
}

/* --- a load as a question ------------------------------------------------- */

struct code_load {
	struct server_question question;
	struct loading loading;
	int result; /* of the loading; 1: prepared, not finished */
	bool prepare_only, through;
	void *data; /* SIZE bytes */
	size_t size;
	struct hw_code_item *theirs; /* of a prepared one: finish tells them */
	struct code_load *next;      /* of those prepared */
	struct load_item items[];
};

static void load_destroy(struct server_question *q)
{
	struct code_load *c = (struct code_load *)(void *)q;

	for (size_t i = 0; i < c->loading.n; i++) {
		free((void *)(uintptr_t)c->items[i].module);
		free((void *)(uintptr_t)c->items[i].file);
		load_item_free(&c->items[i]);
	}
	/* Objects are full of addresses of their code: no trace of those. */
	if (c->data)
		explicit_bzero(c->data, c->size);
	free(c->data);
	free((void *)(uintptr_t)c->loading.extra);
	free(c);
}

static void load_done(struct loading *l, int result)
{
	struct code_load *c =
	    (struct code_load *)(void *)((char *)l -
					 offsetof(struct code_load, loading));

	c->result = result;
	c->through = true;
	loading_tell(l, result);
	loading_free(l);
	server_answered(&c->question);
}

/* Items without a file get the one of their name; one that is nowhere gets a
 * name that is not there, and so its error like any other. */
static void files_find(struct code_load *c)
{
	for (size_t i = 0; i < c->loading.n; i++) {
		struct load_item *item = &c->items[i];
		char *file = NULL;

		if (item->file)
			continue;
		item->file = path_find_name(item->module);
		if (!item->file && asprintf(&file, "%s.so", item->module) > 0)
			item->file = file;
	}
}

static void load_run(struct server_job *job)
{
	struct code_load *c = (struct code_load *)(void *)job;

	files_find(c);
	if (!c->prepare_only) {
		loading_submit(&c->loading);
		return;
	}
	c->result = loading_prepare(&c->loading);
	if (c->result < 0)
		loading_free(&c->loading);
	server_answered(&c->question);
}

static struct code_load *load_make(const struct hw_code_item *items, size_t n)
{
	struct code_load *c =
	    calloc(1, sizeof(*c) + n * sizeof(struct load_item));

	if (!c)
		return NULL;
	c->question.job.run = load_run;
	c->question.destroy = load_destroy;
	c->question.refs = 1;
	c->loading.items = c->items;
	c->loading.n = n;
	c->loading.on_held = HELD_REFUSE;
	c->loading.deadline_ms = HELD_DEADLINE_MS;
	c->loading.caller = (pid_t)syscall(SYS_gettid);
	c->loading.done = load_done;
	c->loading.down = change_down;
	c->loading.extra = *change_extra ? strdup(change_extra) : NULL;
	for (size_t i = 0; i < n; i++) {
		c->items[i].module = strdup(items[i].module);
		if (items[i].file)
			c->items[i].file = realpath(items[i].file, NULL);
		if (items[i].file && !c->items[i].file)
			c->items[i].file = strdup(items[i].file);
		if (c->items[i].module && (!items[i].file || c->items[i].file))
			continue;
		load_destroy(&c->question);
		return NULL;
	}
	return c;
}

bool code_direction(bool down)
{
	bool was = change_down;

	change_down = down;
	return was;
}

API int hw_code_direction(int down, const char *extra)
{
	if (extra && strlen(extra) >= sizeof(change_extra))
		return code_error("badarg", "the text is longer than %zu bytes",
				  sizeof(change_extra) - 1);
	change_down = down != 0;
	snprintf(change_extra, sizeof(change_extra), "%s", extra ? extra : "");
	return 0;
}

/* Each its own error; the first is this thread's last. */
static int results_take(const struct code_load *c, struct hw_code_item *items,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		items[i].error =
		    c->result < 0 ? code_number(c->items[i].failure.reason) : 0;
	return c->result < 0 ? code_failed(&c->loading.failure) : 0;
}

static int load_ask(struct code_load *c, struct hw_code_item *items, size_t n)
{
	int r;

	if (!c)
		return code_no_memory();
	r = server_ask(&c->question) < 0 ? code_no_server()
					 : results_take(c, items, n);
	server_ask_free(&c->question);
	return r;
}

/* --- the calls ------------------------------------------------------------ */

static int items_wrong(const struct hw_code_item *items, size_t n)
{
	bool wrong = n == 0 || !items;

	for (size_t i = 0; !wrong && i < n; i++)
		wrong = !items[i].module || !*items[i].module;
	if (wrong)
		return code_error("badarg", "a module's name is missing");
	return hw_guest.program ? 0 : code_no_server();
}

API int hw_code_load_file(const char *module)
{
	return hw_code_load_abs(module, NULL);
}

API int hw_code_load_abs(const char *module, const char *file)
{
	struct hw_code_item item = {.module = module, .file = file};
	int r = items_wrong(&item, 1);

	return r < 0 ? r : load_ask(load_make(&item, 1), &item, 1);
}

API int hw_code_load_binary(const char *module, const char *file,
			    const void *data, size_t size)
{
	struct hw_code_item item = {.module = module, .file = file};
	int r = items_wrong(&item, 1);
	struct code_load *c;

	if (r == 0 && (!file || !data))
		r = code_error("badarg", "%s is missing",
			       file ? "the object" : "the file's name");
	if (r < 0)
		return r;
	c = load_make(&item, 1);
	if (c)
		c->data = malloc(size + 1);
	if (c && !c->data) {
		load_destroy(&c->question);
		return code_no_memory();
	}
	if (c) {
		memcpy(c->data, data, size);
		c->items[0].data = c->data;
		c->items[0].size = c->size = size;
		c->loading.on_held = HELD_KILL;
	}
	return load_ask(c, &item, 1);
}

API int hw_code_ensure_loaded(const char *module)
{
	struct hw_code_item item = {.module = module};

	return hw_code_ensure_modules_loaded(&item, 1);
}

API int hw_code_ensure_modules_loaded(struct hw_code_item *items, size_t n)
{
	int first = items_wrong(items, n);

	if (first < 0)
		return first;
	for (size_t i = 0; i < n; i++) {
		struct code_load *c = load_make(&items[i], 1);
		int r;

		if (c)
			c->loading.only_first = true;
		r = load_ask(c, &items[i], 1);
		items[i].error = r;
		first = first < 0 ? first : r;
	}
	return first;
}

API int hw_code_atomic_load(struct hw_code_item *items, size_t n)
{
	int r = items_wrong(items, n);
	struct code_load *c = r < 0 ? NULL : load_make(items, n);

	if (r < 0)
		return r;
	if (c)
		c->loading.atomic = true;
	return load_ask(c, items, n);
}

/* --- prepare, finish ------------------------------------------------------ */

/* Handles that are good for something. The code server's thread. */
static struct code_load *prepared_all;

/* P is a number from who knows where until it is found in the list. */
static struct code_load **prepared_find(const struct hw_code_prepared *p)
{
	struct code_load **at = &prepared_all;

	while (*at && (const void *)*at != (const void *)p)
		at = &(*at)->next;
	return at;
}

struct prepared_claim {
	const struct hw_code_prepared *handle;
	struct code_load *found; /* NULL: not a handle, or used up */
};

static void prepared_enter(void *arg)
{
	struct code_load *c = arg;

	c->next = prepared_all;
	prepared_all = c;
}

static void prepared_take(void *arg)
{
	struct prepared_claim *claim = arg;
	struct code_load **at = prepared_find(claim->handle);

	claim->found = *at;
	if (*at)
		*at = (*at)->next;
}

API int hw_code_prepare_loading(struct hw_code_item *items, size_t n,
				struct hw_code_prepared **prepared)
{
	int r = items_wrong(items, n);
	struct code_load *c;

	*prepared = NULL;
	if (r < 0)
		return r;
	c = load_make(items, n);
	if (!c)
		return code_no_memory();
	c->loading.atomic = true;
	c->prepare_only = true;
	c->theirs = items;
	r = server_ask(&c->question) < 0 ? code_no_server()
					 : results_take(c, items, n);
	if (r < 0) {
		server_ask_free(&c->question);
		return r;
	}
	server_call(prepared_enter, c);
	*prepared = (struct hw_code_prepared *)(void *)c;
	return 0;
}

API int hw_code_finish_loading(struct hw_code_prepared *prepared)
{
	struct prepared_claim claim = {.handle = prepared};
	struct code_load *c;

	if (server_call(prepared_take, &claim) < 0)
		return code_no_server();
	c = claim.found;
	if (!c)
		return code_error("badarg", "this prepared load was used up, "
					    "freed, or never made");
	c->prepare_only = false;
	c->loading.caller = (pid_t)syscall(SYS_gettid);
	return load_ask(c, c->theirs, c->loading.n);
}

static void prepared_drop(void *arg)
{
	struct code_load *c = arg;

	loading_free(&c->loading);
}

API void hw_code_prepared_free(struct hw_code_prepared *prepared)
{
	struct prepared_claim claim = {.handle = prepared};

	if (!prepared || server_call(prepared_take, &claim) < 0 || !claim.found)
		return;
	server_call(prepared_drop, claim.found);
	load_destroy(&claim.found->question);
}
