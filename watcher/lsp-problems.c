/* SPDX-License-Identifier: MIT
 *
 * Diagnostics: what does not compile, what it warns of, what was refused, who
 * holds old code, each at its line. All that is known is gone through twice
 * (lsp-publish.c): first to see which files it says anything new of, then to
 * make the diagnostics of those. So nothing that was mended can stay, and a
 * save costs its own file, also while ten thousand others stand.
 *
 * Where there is much that is new it is told a portion at a time, one in each
 * turn of the loop: ten thousand at once would be 60 ms in which no lens, no
 * command and no purge is answered. All is gone through again for each portion,
 * which is cheap (2 ms then) beside making a thousand of them; so what has
 * changed meanwhile is seen, and nothing is kept from one turn to the next but
 * what the client has.
 *
 * While something is built, what was wrong with it is not known to be mended
 * nor to be wrong still: nothing is sent until the outcome.
 */
#include "watcher/check.h"
#include "watcher/lsp-publish.h"

#include <stdlib.h>
#include <string.h>

enum {
	ERROR = 1,
	WARNING = 2,
	INFORMATION = 3
};

/* What a stamp counts: no two kinds may look alike. */
enum {
	OF_COMPILER = 1,
	OF_EVENT,
	OF_HOLDERS,
	OF_SETTINGS
};

static uint64_t stamp(unsigned kind, double count)
{
	return (uint64_t)kind << 56 ^ (uint64_t)count;
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

/* One of a whole line. */
static void add_line(struct making *m, const char *path, unsigned line,
		     int severity, const char *code, const char *message)
{
	if (making_is_new(m, path, line, 0, message))
		making_add(m, path,
			   diagnostic(lsp_range(making_file(m, path), line, 0),
				      severity, code, message));
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
			      lsp_range(making_file(m, path),
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
	char *code;
	struct text t = {0};
	const cJSON *note;
	cJSON *d;

	if (!making_is_new(m, path, json_int(said, "line", 0),
			   json_int(said, "column", 0), message))
		return;
	code = warning_name(message);
	text_puts(&t, message);
	for (note = said->next; is_note(note); note = note->next)
		if (!m->s->caps.related || !*json_str(note, "file"))
			put_note(&t, note);
	d = diagnostic(lsp_range(making_file(m, path),
				 json_int(said, "line", 0),
				 json_int(said, "column", 0)),
		       is_error ? ERROR : WARNING, code, t.s);
	for (note = said->next; is_note(note); note = note->next)
		if (m->s->caps.related && *json_str(note, "file"))
			add_note(m, d, note);
	making_add(m, path, d);
	lsp_fix_add(m->s, making_file(m, path), path, said, d);
	text_free(&t);
	free(code);
}

/* What names no file is shown in the source of MODULE. */
static void add_all(struct making *m, const cJSON *list, const char *module,
		    uint64_t when)
{
	const cJSON *said;
	const char *path;

	cJSON_ArrayForEach(said, list)
	{
		if (is_note(said))
			continue;
		path = json_str(said, "file");
		if (!*path)
			path = lsp_source(m->s, module);
		if (path && making_wants(m, path, when))
			add_said(m, path, said);
	}
}

/* A compiler that died said nothing that has a place. */
static void add_error(struct making *m, const cJSON *error)
{
	const cJSON *list = json_at(error, "diagnostics");
	const char *module = json_str(error, "module"), *path;
	uint64_t when = stamp(OF_COMPILER, json_num(error, "stamp", 0));

	if (cJSON_GetArraySize(list) > 0) {
		add_all(m, list, module, when);
		return;
	}
	path = lsp_source(m->s, module);
	if (path && making_wants(m, path, when))
		add_line(m, path, 1, ERROR, "not_built",
			 json_str(error, "message"));
}

/* The watcher goes on with the settings that it had, or does not begin. */
static void add_settings(struct making *m, const cJSON *fault)
{
	const char *path = json_str(fault, "file");
	const char *message = json_str(fault, "message");

	if (fault &&
	    making_wants(m, path,
			 stamp(OF_SETTINGS,
			       (double)(fnv1a64(message, strlen(message)) >>
					12))))
		add_line(m, path, json_int(fault, "line", 1), ERROR, "settings",
			 message);
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

static bool says_the_same(const cJSON *a, const cJSON *b)
{
	return !json_true(a, "ok") && !json_true(b, "ok") &&
	       !strcmp(json_str(a, "message"), json_str(b, "message")) &&
	       !strcmp(json_str(a, "symbol"), json_str(b, "symbol"));
}

/* How many targets said what TARGET says; 0: it is not the first. */
static int count_same(const cJSON *event, const cJSON *target)
{
	const cJSON *t;
	int n = 0;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		if (!says_the_same(t, target))
			continue;
		if (n++ == 0 && t != target)
			return 0;
	}
	return n;
}

/* A hundred forked workers refuse a load as one does. */
static void add_refusal(struct making *m, const cJSON *event,
			const cJSON *target, uint64_t when)
{
	const char *module = json_str(target, "module"), *path;
	int n = count_same(event, target);
	struct text t = {0};

	if (!*module)
		module = json_str_at(json_at(event, "modules"), 0);
	path = n ? lsp_source(m->s, module) : NULL;
	if (!path || !making_wants(m, path, when))
		return; /* not known: asked for; all is made again then */
	text_printf(&t, "refused by pid %d", json_int(target, "pid", 0));
	if (n > 1)
		text_printf(&t, " and %d more", n - 1);
	text_printf(&t, ": %s", json_str(target, "message"));
	add_line(m, path,
		 line_of_symbol(making_file(m, path),
				json_str(target, "symbol")),
		 ERROR, json_str(target, "reason"), t.s);
	text_free(&t);
}

/* A variable that did not get what the source says, or is gone. */
static void add_losses(struct making *m, const cJSON *target, uint64_t when)
{
	const cJSON *note;
	const char *path;

	cJSON_ArrayForEach(note, json_at(target, "state"))
	{
		path = json_str(note, "file");
		if (lsp_is_loss(note) && *path && making_wants(m, path, when))
			add_line(m, path, json_int(note, "line", 0), WARNING,
				 json_str(note, "kind"),
				 json_str(note, "message"));
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
	uint64_t when = stamp(OF_EVENT, json_num(event, "seq", 0));
	const cJSON *t;

	cJSON_ArrayForEach(t, json_at(event, "targets"))
	{
		if (!json_true(t, "ok") && !has_line(event, t))
			add_refusal(m, event, t, when);
		add_losses(m, t, when);
	}
	add_all(m, json_at(event, "diagnostics"),
		json_str_at(json_at(event, "modules"), 0), when);
}

/* --- who holds old code -------------------------------------------------- */

/* A hundred forked workers stay where one does. */
static void add_held(struct making *m, const cJSON *holder)
{
	const char *path = json_str(holder, "file");
	const char *hint = json_str(holder, "hint");
	int line = json_int(holder, "line", 0), n;
	struct text t = {0};

	if (!*path || line <= 0 ||
	    !making_wants(m, path, stamp(OF_HOLDERS, m->s->holding_serial)))
		return;
	n = lsp_alike(m->s, holder);
	if (!n)
		return;
	text_printf(&t, "%s of pid %d", json_str(holder, "who"),
		    json_int(holder, "pid", 0));
	if (n > 1)
		text_printf(&t, " and of %d more", n - 1);
	text_printf(&t, " still runs v%d of %s here%s%s",
		    json_int(holder, "version", 0), json_str(holder, "module"),
		    *hint ? "; " : "", hint);
	add_line(m, path, line, INFORMATION, "held", t.s);
	text_free(&t);
}

/* --- all ----------------------------------------------------------------- */

static void go_through(struct making *m)
{
	const struct lsp *s = m->s;
	const cJSON *o;

	add_settings(m, s->fault ? s->fault : json_at(s->watch, "settings"));
	cJSON_ArrayForEach(o, json_at(s->watch, "errors"))
	{
		add_error(m, o);
	}
	cJSON_ArrayForEach(o, json_at(s->watch, "warnings"))
	{
		add_error(m, o);
	}
	cJSON_ArrayForEach(o, s->troubles)
	{
		add_trouble(m, o);
	}
	cJSON_ArrayForEach(o, s->holding)
	{
		add_held(m, o);
	}
}

/* --- in turns ------------------------------------------------------------ */

static void on_turn(uv_idle_t *turn)
{
	struct lsp *s = turn->data;

	uv_idle_stop(turn);
	lsp_problems_tell(s);
	lsp_state_tell_rest(s);
}

/* What the client asks meanwhile is served between two turns of the loop. One
 * that is busy and does not read has its answers before the rest, too. A timer
 * of 0 ms that is started by itself runs again before the loop looks for input.
 */
void lsp_problems_go_on(struct lsp *s)
{
	if (s->problems_left && !wire_is_behind(s->editor) &&
	    s->phase == LSP_SERVING)
		uv_idle_start(&s->turn, on_turn);
}

void lsp_problems_tell(struct lsp *s)
{
	s->problems_left = (s->watch || s->fault) && !s->building &&
			   s->told_ready && !lsp_publish(s, go_through);
	lsp_problems_go_on(s);
}

void lsp_problems_open(struct lsp *s)
{
	uv_idle_init(s->loop, &s->turn);
	s->turn.data = s;
}

void lsp_problems_close(struct lsp *s)
{
	uv_close((uv_handle_t *)&s->turn, NULL);
}
