/* SPDX-License-Identifier: MIT
 *
 * Diagnostics: what does not compile, what was refused, who holds old code,
 * each at its line. All of them are made anew from the state and compared with
 * what the client has, file by file; only a file that differs is sent, and one
 * that has none any more is sent empty. So nothing that was mended can stay.
 *
 * While something is built, what was wrong with it is not known to be mended
 * nor to be wrong still: nothing is sent until the outcome.
 */
#include "watcher/check.h"
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	ERROR = 1,
	WARNING = 2,
	INFORMATION = 3
};

/* One making of all diagnostics. */
struct making {
	struct lsp *s;
	cJSON *files;        /* path -> array of Diagnostic */
	struct strmap read;  /* path -> struct lsp_file, malloc'd */
	struct strmap there; /* path and diagnostic, printed: no twice */
};

static const struct lsp_file *file_of(struct making *m, const char *path)
{
	struct lsp_file *f = strmap_get(&m->read, path);

	if (!f) {
		f = xcalloc(1, sizeof(*f));
		lsp_file_read(f, path);
		strmap_put(&m->read, path, f);
	}
	return f;
}

static cJSON *diagnostic(cJSON *range, int severity, const char *code,
			 const char *message)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "range", range);
	cJSON_AddNumberToObject(o, "severity", severity);
	cJSON_AddStringToObject(o, "source", "hotwatch");
	if (code && *code)
		cJSON_AddStringToObject(o, "code", code);
	cJSON_AddStringToObject(o, "message", message);
	return o;
}

/* False: the same was there already, of another module that includes it. */
static bool add(struct making *m, const char *path, cJSON *d)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(m->files, path);
	char *text = cJSON_PrintUnformatted(d);
	char *key = xasprintf("%s\n%s", path, text);
	bool is_new = !strmap_get(&m->there, key);

	if (!list)
		list = cJSON_AddArrayToObject(m->files, path);
	if (is_new)
		cJSON_AddItemToArray(list, d);
	else
		cJSON_Delete(d);
	strmap_put(&m->there, key, m);
	free(key);
	cJSON_free(text);
	return is_new;
}

/* --- what the compiler said ---------------------------------------------- */

/* "... [-Wunused-variable]": the name of a warning is its code. What ends with
 * the name of a rule of `hotwatch check` was found unsafe. */
static char *warning_name(const char *message)
{
	const char *at = strrchr(message, '[');
	size_t n = strlen(message);
	char *name;

	if (!at || n == 0 || message[n - 1] != ']')
		return NULL;
	name = xstrndup(at + 1, message + n - 1 - (at + 1));
	if (*name == '-')
		return name;
	at = check_rule_named(name) ? "unsafe" : NULL;
	free(name);
	return at ? xstrdup(at) : NULL;
}

static void add_note(struct making *m, cJSON *d, const cJSON *note)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(d, "relatedInformation");
	const char *path = json_str(note, "file");
	cJSON *o = cJSON_CreateObject(), *place;
	char *uri = lsp_client_uri(m->s, path);

	if (!list)
		list = cJSON_AddArrayToObject(d, "relatedInformation");
	place = cJSON_AddObjectToObject(o, "location");
	cJSON_AddStringToObject(place, "uri", uri);
	cJSON_AddItemToObject(place, "range",
			      lsp_range(file_of(m, path),
					json_int(note, "line", 0),
					json_int(note, "column", 0)));
	cJSON_AddStringToObject(o, "message", json_str(note, "message"));
	cJSON_AddItemToArray(list, o);
	free(uri);
}

/* A client that knows no related places gets the notes as text. */
static void put_note(struct text *t, const cJSON *note)
{
	text_printf(t, "\n%s:%d: note: %s", path_base(json_str(note, "file")),
		    json_int(note, "line", 0), json_str(note, "message"));
}

static bool is_note(const cJSON *said)
{
	return said && !strcmp(json_str(said, "severity"), "note");
}

/* SAID and the notes that follow it, at PATH. */
static void add_said(struct making *m, const char *path, const cJSON *said)
{
	const char *message = json_str(said, "message");
	bool is_error = strcmp(json_str(said, "severity"), "warning") != 0;
	char *code = warning_name(message);
	struct text t = {0};
	const cJSON *note;
	cJSON *d;

	text_puts(&t, message);
	for (note = said->next; is_note(note); note = note->next)
		if (!m->s->caps.related || !*json_str(note, "file"))
			put_note(&t, note);
	d = diagnostic(lsp_range(file_of(m, path), json_int(said, "line", 0),
				 json_int(said, "column", 0)),
		       is_error ? ERROR : WARNING, code, t.s);
	for (note = said->next; is_note(note); note = note->next)
		if (m->s->caps.related && *json_str(note, "file"))
			add_note(m, d, note);
	if (add(m, path, d))
		lsp_fix_add(m->s, path, said, d);
	text_free(&t);
	free(code);
}

/* What names no file is shown in the source of MODULE. */
static void add_all(struct making *m, const cJSON *list, const char *module)
{
	const cJSON *said;
	const char *path;

	cJSON_ArrayForEach(said, list)
	{
		path = json_str(said, "file");
		if (!*path)
			path = lsp_source(m->s, module);
		if (path && !is_note(said))
			add_said(m, path, said);
	}
}

/* A compiler that died said nothing that has a place. */
static void add_error(struct making *m, const cJSON *error)
{
	const cJSON *list = json_at(error, "diagnostics");
	const char *module = json_str(error, "module"), *path;

	if (cJSON_GetArraySize(list) > 0) {
		add_all(m, list, module);
		return;
	}
	path = lsp_source(m->s, module);
	if (path)
		add(m, path,
		    diagnostic(lsp_range(file_of(m, path), 1, 0), ERROR,
			       "not_built", json_str(error, "message")));
}

/* --- what was refused ---------------------------------------------------- */

/* "MODULE:name" of a static, "name.2" of one in a function: the name. */
static char *plain_name(const char *symbol)
{
	const char *colon = strrchr(symbol, ':');

	symbol = colon ? colon + 1 : symbol;
	return xstrndup(symbol, strcspn(symbol, ".["));
}

static unsigned line_of_symbol(const struct lsp_file *f, const char *symbol)
{
	char *name = plain_name(symbol);
	unsigned line = *name ? lsp_find(f, name) : 0;

	free(name);
	return line ? line : 1;
}

static void add_refusal(struct making *m, const cJSON *event,
			const cJSON *target)
{
	const char *module = json_str(target, "module"), *path;
	const struct lsp_file *f;
	char *message;
	unsigned line;

	if (!*module)
		module = json_str_at(json_at(event, "modules"), 0);
	path = lsp_source(m->s, module);
	if (!path)
		return; /* asked for; all is made again then */
	f = file_of(m, path);
	line = line_of_symbol(f, json_str(target, "symbol"));
	message = xasprintf("refused by pid %d: %s", json_int(target, "pid", 0),
			    json_str(target, "message"));
	add(m, path,
	    diagnostic(lsp_range(f, line, 0), ERROR, json_str(target, "reason"),
		       message));
	free(message);
}

/* A variable that did not get what the source says, or is gone. */
static void add_losses(struct making *m, const cJSON *target)
{
	const cJSON *note;
	const char *path;

	cJSON_ArrayForEach(note, json_at(target, "state"))
	{
		path = json_str(note, "file");
		if (!lsp_is_loss(note) || !*path)
			continue;
		add(m, path,
		    diagnostic(lsp_range(file_of(m, path),
					 json_int(note, "line", 0), 0),
			       WARNING, json_str(note, "kind"),
			       json_str(note, "message")));
	}
}

/* What the watcher refused before it asked a target has its line. */
static bool has_line(const cJSON *event, const cJSON *target)
{
	const cJSON *said;

	cJSON_ArrayForEach(said, json_at(event, "diagnostics"))
	{
		if (!strcmp(json_str(said, "severity"), "error") &&
		    *json_str(said, "file") &&
		    starts_with(json_str(target, "message"),
				json_str(said, "message")))
			return true;
	}
	return false;
}

static void add_trouble(struct making *m, const cJSON *event)
{
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		if (!json_true(t, "ok") && !has_line(event, t))
			add_refusal(m, event, t);
		add_losses(m, t);
	}
	add_all(m, json_at(event, "diagnostics"),
		json_str_at(json_at(event, "modules"), 0));
}

/* --- who holds old code -------------------------------------------------- */

static void add_held(struct making *m, const cJSON *holder)
{
	const char *path = json_str(holder, "file");
	const char *hint = json_str(holder, "hint");
	char *message;

	if (!*path || json_int(holder, "line", 0) <= 0)
		return;
	message =
	    xasprintf("%s of pid %d still runs v%d of %s here%s%s",
		      json_str(holder, "who"), json_int(holder, "pid", 0),
		      json_int(holder, "version", 0),
		      json_str(holder, "module"), *hint ? "; " : "", hint);
	add(m, path,
	    diagnostic(lsp_range(file_of(m, path), json_int(holder, "line", 0),
				 0),
		       INFORMATION, "held", message));
	free(message);
}

/* --- all ----------------------------------------------------------------- */

static void make(struct making *m)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, json_at(m->s->watch, "errors"))
	{
		add_error(m, o);
	}
	cJSON_ArrayForEach(o, m->s->troubles)
	{
		add_trouble(m, o);
	}
	cJSON_ArrayForEach(o, m->s->holding)
	{
		add_held(m, o);
	}
}

static void making_free(struct making *m)
{
	void *v;

	for (size_t i = 0; strmap_next(&m->read, &i, &v);) {
		lsp_file_free(v);
		free(v);
	}
	strmap_free(&m->read);
	strmap_free(&m->there);
	cJSON_Delete(m->files);
}

static void publish(struct lsp *s, const char *path, const cJSON *list)
{
	char *text = cJSON_PrintUnformatted(list);
	char *was = strmap_get(&s->published, path), *uri;
	cJSON *params;

	if (was && !strcmp(was, text)) {
		cJSON_free(text);
		return;
	}
	free(was);
	strmap_put(&s->published, path, xstrdup(text));
	cJSON_free(text);
	uri = lsp_client_uri(s, path);
	params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "uri", uri);
	cJSON_AddItemToObject(params, "diagnostics",
			      cJSON_Duplicate(list, true));
	lsp_notify(s, "textDocument/publishDiagnostics", params);
	free(uri);
}

/* Those that have none any more. */
static void publish_mended(struct lsp *s, cJSON *files)
{
	cJSON *none = cJSON_CreateArray();
	struct strv paths = {0};
	void *v;

	for (size_t i = 0; strmap_next(&s->published, &i, &v);)
		if (!json_at(files, s->published.slots[i - 1].key) &&
		    strcmp(v, "[]") != 0)
			strv_add(&paths, s->published.slots[i - 1].key);
	for (size_t i = 0; i < paths.n; i++)
		publish(s, paths.v[i], none);
	strv_free(&paths);
	cJSON_Delete(none);
}

void lsp_problems_tell(struct lsp *s)
{
	struct making m = {.s = s};
	const cJSON *list;

	if (!s->watch || s->building || !s->told_ready)
		return;
	m.files = cJSON_CreateObject();
	lsp_fix_clear(s);
	make(&m);
	cJSON_ArrayForEach(list, m.files) publish(s, list->string, list);
	publish_mended(s, m.files);
	making_free(&m);
}
