/* SPDX-License-Identifier: MIT
 *
 * Work-done progress for builds that take their time. Most are over before an
 * editor would have drawn it, so it begins after SLOW_MS; a status line shows
 * the short ones.
 *
 * The same timer asks the watcher how it is, again and again, while something
 * is said to be built: a build that was overtaken by another has no outcome.
 */
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>

#define SLOW_MS 500

static cJSON *token(const struct lsp *s)
{
	char *name = xasprintf("hotwatch-%u", s->progress_serial);
	cJSON *o = cJSON_CreateString(name);

	free(name);
	return o;
}

static void progress(struct lsp *s, const char *kind, const char *message,
		     int percent)
{
	cJSON *o = cJSON_CreateObject(), *value;

	cJSON_AddItemToObject(o, "token", token(s));
	value = cJSON_AddObjectToObject(o, "value");
	cJSON_AddStringToObject(value, "kind", kind);
	if (!strcmp(kind, "begin"))
		cJSON_AddStringToObject(value, "title", "hotwatch: building");
	if (message)
		cJSON_AddStringToObject(value, "message", message);
	if (percent >= 0)
		cJSON_AddNumberToObject(value, "percentage", percent);
	lsp_notify(s, "$/progress", o);
}

static void report(struct lsp *s, const char *kind)
{
	int done = json_int(s->building, "done", 0);
	int total = json_int(s->building, "total", 1);
	char *message = xasprintf("%d of %d modules", done, total);

	progress(s, kind, message, total > 0 ? 100 * done / total : 0);
	free(message);
}

static void begin(struct lsp *s)
{
	cJSON *o = cJSON_CreateObject();

	s->in_progress = true;
	s->progress_serial++;
	cJSON_AddItemToObject(o, "token", token(s));
	hw_rpc_call(wire_rpc(s->editor), "window/workDoneProgress/create", o,
		    NULL, NULL);
	report(s, "begin");
}

static void on_slow(uv_timer_t *timer)
{
	struct lsp *s = timer->data;

	if (s->building && s->caps.progress && !s->in_progress)
		begin(s);
	lsp_state_refresh(s);
}

/* How it went; for those who see nothing else of it. */
static void finish(struct lsp *s)
{
	const char *kind = s->outcome ? json_str(s->outcome, "kind") : "";

	s->in_progress = false;
	progress(s, "end", *kind ? kind : NULL, -1);
}

void lsp_progress_tell(struct lsp *s)
{
	if (s->building && !uv_is_active((uv_handle_t *)&s->slow))
		uv_timer_start(&s->slow, on_slow, SLOW_MS, SLOW_MS);
	if (!s->building)
		uv_timer_stop(&s->slow);
	if (s->in_progress && s->building)
		report(s, "report");
	else if (s->in_progress)
		finish(s);
}

void lsp_progress_open(struct lsp *s)
{
	uv_timer_init(s->loop, &s->slow);
	s->slow.data = s;
}

void lsp_progress_close(struct lsp *s)
{
	uv_close((uv_handle_t *)&s->slow, NULL);
}
