/* SPDX-License-Identifier: MIT
 *
 * Code actions: clang's fix-its, which the watcher's events carry beside what
 * they mend. They are remembered with the diagnostics that were sent, by file,
 * and go when those do. An edit is of the file as it was compiled, so none is
 * offered of a file that differs by now: clang's columns would hit other text.
 */
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>

void lsp_fix_clear(struct lsp *s, const char *path)
{
	void *v;

	if (path) {
		cJSON_Delete(strmap_get(&s->fixes, path));
		strmap_remove(&s->fixes, path);
		return;
	}
	for (size_t i = 0; strmap_next(&s->fixes, &i, &v);)
		cJSON_Delete(v);
	strmap_free(&s->fixes);
}

static cJSON *edit_of(const struct lsp_file *f, const cJSON *fix)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "range",
			      lsp_span(f, json_int(fix, "line", 1),
				       json_int(fix, "column", 1),
				       json_int(fix, "end_line", 1),
				       json_int(fix, "end_column", 1)));
	cJSON_AddStringToObject(o, "newText", json_str(fix, "text"));
	return o;
}

/* "Insert ';'", "Replace 'fro' by 'for'" are made by no one: clang's own
 * message says what is meant, up to its first line's end. */
static char *title_of(const cJSON *said)
{
	const char *message = json_str(said, "message");

	return xasprintf("Fix: %.*s", (int)strcspn(message, "\n"), message);
}

/* All edits of one diagnostic or note are one action. */
static cJSON *action(const struct lsp *s, const struct lsp_file *f,
		     const char *path, const cJSON *said, const cJSON *shown)
{
	cJSON *o = cJSON_CreateObject(), *changes, *edits, *list;
	char *uri = lsp_client_uri(s, path), *title = title_of(said);
	const cJSON *fix;

	cJSON_AddStringToObject(o, "title", title);
	cJSON_AddStringToObject(o, "kind", "quickfix");
	list = cJSON_AddArrayToObject(o, "diagnostics");
	cJSON_AddItemToArray(list, cJSON_Duplicate(shown, true));
	changes = cJSON_AddObjectToObject(o, "edit");
	changes = cJSON_AddObjectToObject(changes, "changes");
	edits = cJSON_AddArrayToObject(changes, uri);
	cJSON_ArrayForEach(fix, json_at(said, "fixits"))
	{
		cJSON_AddItemToArray(edits, edit_of(f, fix));
	}
	free(title);
	free(uri);
	return o;
}

/* Fix-its in other files than PATH are left alone: they are rare, and a
 * client shows the action where the diagnostic is. */
static bool all_in(const cJSON *fixits, const char *path)
{
	const cJSON *fix;

	cJSON_ArrayForEach(fix, fixits)
	{
		if (strcmp(json_str(fix, "file"), path) != 0)
			return false;
	}
	return fixits && fixits->child;
}

void lsp_fix_add(struct lsp *s, const struct lsp_file *f, const char *path,
		 const cJSON *diagnostic, const cJSON *shown)
{
	cJSON *list = strmap_get(&s->fixes, path);
	const cJSON *said = diagnostic;

	if (!s->caps.literals)
		return;
	do {
		if (!all_in(json_at(said, "fixits"), path))
			continue;
		if (!list)
			strmap_put(&s->fixes, path, list = cJSON_CreateArray());
		cJSON_AddItemToArray(list, action(s, f, path, said, shown));
	} while ((said = said->next) &&
		 !strcmp(json_str(said, "severity"), "note"));
}

static int line_at(const cJSON *range, const char *end)
{
	return json_int(json_at(range, end), "line", 0);
}

/* The lines of the action's diagnostic and of RANGE meet. */
static bool concerns(const cJSON *o, const cJSON *range)
{
	const cJSON *d = json_at(o, "diagnostics")->child;
	const cJSON *at = json_at(d, "range");

	return line_at(at, "start") <= line_at(range, "end") &&
	       line_at(at, "end") >= line_at(range, "start");
}

void lsp_on_action(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);
	char *path = lsp_path(json_str(json_at(params, "textDocument"), "uri"));
	char *real = path ? path_real(path) : xstrdup("");
	cJSON *list;
	const cJSON *o;

	if (lsp_serving(s, req)) {
		list = cJSON_CreateArray();
		cJSON_ArrayForEach(o, (cJSON *)strmap_get(&s->fixes, real))
		{
			if (concerns(o, json_at(params, "range")))
				cJSON_AddItemToArray(list,
						     cJSON_Duplicate(o, true));
		}
		hw_rpc_reply(req, list);
	}
	free(real);
	free(path);
}
