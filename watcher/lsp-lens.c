/* SPDX-License-Identifier: MIT
 *
 * Code lenses: at the top of a module's source which version runs and where,
 * with what can be done about it; at each line where a thread sits in old code,
 * who it is. A file that is no module has none.
 *
 * Versions are asked for file by file, when a lens is: to keep those of all
 * modules of all targets would be megabytes for a number.
 */
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>

#define NAMED 2 /* holders that are named on the first line */

struct asking {
	struct lsp *s;
	struct hw_request *req;
	char *path;
};

static cJSON *lens(cJSON *list, cJSON *range, const char *title,
		   const char *command, const char *module)
{
	cJSON *o = cJSON_CreateObject(), *c, *arguments;

	cJSON_AddItemToObject(o, "range", range);
	c = cJSON_AddObjectToObject(o, "command");
	cJSON_AddStringToObject(c, "title", title);
	cJSON_AddStringToObject(c, "command", command);
	arguments = cJSON_AddArrayToObject(c, "arguments");
	cJSON_AddItemToArray(arguments, cJSON_CreateString(module));
	cJSON_AddItemToArray(list, o);
	return o;
}

/* "v3", "v3-v4": of all targets that have it; HIGHEST of them, or -1. */
static void put_versions(struct text *t, const cJSON *targets, int *highest)
{
	int low = -1;
	const cJSON *target;

	*highest = -1;
	cJSON_ArrayForEach(target, targets)
	{
		int v = json_int(target, "version", 0);

		low = low < 0 || v < low ? v : low;
		*highest = v > *highest ? v : *highest;
	}
	if (low < *highest)
		text_printf(t, "v%d-", low);
	text_printf(t, "v%d", *highest);
}

/* "old code held by main thread in main (x.c:9)", "... by main thread, process
 * 2 and 3 more": a line of lenses has little room, and where they are is listed
 * by a click; NULL: nobody. */
static char *held_title(const struct lsp *s, const char *module)
{
	struct text t = {0};
	const cJSON *h, *only = NULL;
	int n = 0;

	cJSON_ArrayForEach(h, s->holding)
	{
		if (strcmp(json_str(h, "module"), module) != 0 || n++ >= NAMED)
			continue;
		text_printf(&t, "%s%s", n == 1 ? "old code held by " : ", ",
			    json_str(h, "who"));
		only = h;
	}
	if (n == 1)
		text_printf(&t, " in %s", json_str(only, "where"));
	if (n > NAMED)
		text_printf(&t, " and %d more", n - NAMED);
	return n ? text_take(&t) : NULL;
}

static char *title_of(const cJSON *which, int *version)
{
	const cJSON *targets = json_at(which, "targets");
	int n = cJSON_GetArraySize(targets);
	struct text t = {0};

	*version = -1;
	if (n == 0)
		return xstrdup("hotwatch: not running");
	text_puts(&t, "hotwatch: ");
	put_versions(&t, targets, version);
	if (n == 1)
		text_printf(&t, " in pid %d",
			    json_int(targets->child, "pid", 0));
	else
		text_printf(&t, " in %d processes", n);
	return text_take(&t);
}

/* Holders come last: they take the line's width, and a client cuts off what
 * is too long. */
static void add_top(cJSON *list, const struct lsp *s, const cJSON *which,
		    const struct lsp_file *f)
{
	const char *module = json_str(which, "module");
	int version;
	char *title = title_of(which, &version);
	char *held = held_title(s, module);

	lens(list, lsp_range(f, 1, 0), title, "hotwatch.holders", module);
	lens(list, lsp_range(f, 1, 0), "Reload", "hotwatch.load", module);
	if (held)
		lens(list, lsp_range(f, 1, 0), "Purge", "hotwatch.purge",
		     module);
	if (version > 0)
		lens(list, lsp_range(f, 1, 0), "Rollback", "hotwatch.rollback",
		     module);
	if (held)
		lens(list, lsp_range(f, 1, 0), held, "hotwatch.holders",
		     module);
	free(title);
	free(held);
}

static void add_held(cJSON *list, const struct lsp *s, const char *path,
		     const struct lsp_file *f)
{
	struct text t = {0};
	const cJSON *h;
	int n;

	cJSON_ArrayForEach(h, s->holding)
	{
		if (strcmp(json_str(h, "file"), path) != 0 ||
		    json_int(h, "line", 0) <= 0 || !(n = lsp_alike(s, h)))
			continue;
		text_puts(&t, json_str(h, "who"));
		if (n > 1)
			text_printf(&t, " of %d processes", n);
		text_printf(&t, " still runs v%d here",
			    json_int(h, "version", 0));
		lens(list, lsp_range(f, json_int(h, "line", 0), 0), t.s,
		     "hotwatch.holders", json_str(h, "module"));
		text_free(&t);
	}
}

static void on_which(const cJSON *result, const cJSON *error, void *arg)
{
	struct asking *a = arg;
	cJSON *list = cJSON_CreateArray();
	struct lsp_file f;

	lsp_file_read(&f, a->path);
	if (!error)
		add_top(list, a->s, result, &f);
	add_held(list, a->s, a->path, &f);
	hw_rpc_reply(a->req, list);
	lsp_file_free(&f);
	free(a->path);
	free(a);
}

void lsp_on_lens(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);
	char *path = lsp_path(json_str(json_at(params, "textDocument"), "uri"));
	struct asking *a;
	cJSON *o;

	if (!lsp_serving(s, req)) {
		free(path);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct asking){s, req, path ? path_real(path) : xstrdup("")};
	free(path);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "module", a->path);
	if (lsp_link_ask(s->link, "watch/which", o, on_which, a) == 0)
		return;
	hw_rpc_reply(req, cJSON_CreateArray());
	free(a->path);
	free(a);
}

/* Clients that cannot be told ask when the text changes, which is late. */
void lsp_lens_refresh(struct lsp *s)
{
	if (!s->told_ready || s->building || !s->lenses_stale)
		return;
	s->lenses_stale = false;
	if (s->caps.lens_refresh)
		hw_rpc_call(wire_rpc(s->editor), "workspace/codeLens/refresh",
			    NULL, NULL, NULL);
}
