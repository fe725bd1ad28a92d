/* SPDX-License-Identifier: MIT
 *
 * The words for holders and for what became of a version (held.h). The one
 * place that has them: events, `holders`, `purge` and `status` say the same of
 * the same thing.
 */
#include "watcher/held.h"

#include "watcher/jsonget.h"

#include <stdlib.h>
#include <string.h>

#define PHRASES 2 /* holders that are named in one line */

void held_who(struct text *t, const cJSON *holder, int pid)
{
	int tid = json_int(holder, "tid", 0);
	int process = json_int(holder, "process", 0);
	const char *name = json_str(holder, "process_name");

	if (process > 0 && *name)
		text_printf(t, "process %d (%s)", process, name);
	else if (process > 0)
		text_printf(t, "process %d", process);
	else if (tid > 0 && tid == pid)
		text_puts(t, "main thread");
	else if (tid > 0 && *json_str(holder, "thread"))
		text_printf(t, "thread %s (%d)", json_str(holder, "thread"),
			    tid);
	else if (tid > 0)
		text_printf(t, "thread %d", tid);
}

void held_place(struct text *t, const cJSON *o)
{
	const char *file = json_str(o, "file");

	text_puts(t, json_str(o, "function"));
	if (*file && json_int(o, "line", 0) > 0)
		text_printf(t, " (%s:%d)", path_base(file),
			    json_int(o, "line", 0));
}

static void put_place(struct text *t, const cJSON *o)
{
	held_place(t, o);
	if (*json_str(o, "inlined_into"))
		text_printf(t, ", inlined into %s",
			    json_str(o, "inlined_into"));
}

static void put_offset(struct text *t, const cJSON *o, const char *name)
{
	const char *object = json_str(o, "object");

	if (*object)
		text_printf(t, "%s at %s", path_base(object),
			    json_str(o, name));
	else
		text_puts(t, json_str(o, strcmp(name, "at_offset") ? "address"
								   : "at"));
}

/* Where the word lies that points into old code. */
static void put_word(struct text *t, const cJSON *o)
{
	const char *where = json_str(o, "where");

	if (*json_str(o, "variable"))
		text_puts(t, json_str(o, "variable"));
	else if (!strcmp(where, "stack"))
		text_puts(t, "a word of its stack");
	else if (!strcmp(where, "heap"))
		text_printf(t, "heap at %s", json_str(o, "at"));
	else if (!strcmp(where, "mapping"))
		text_printf(t, "mapping at %s", json_str(o, "at"));
	else
		put_offset(t, o, "at_offset");
}

/* ARROW: what stands between a pointer and what it points to. */
static void put_where(struct text *t, const cJSON *holder, const char *arrow)
{
	if (!strcmp(json_str(holder, "kind"), "pointer")) {
		put_word(t, holder);
		if (*json_str(holder, "points_to"))
			text_printf(t, "%s%s", arrow,
				    json_str(holder, "points_to"));
	} else if (*json_str(holder, "function")) {
		put_place(t, holder);
	} else if (!strcmp(json_str(holder, "kind"), "unknown")) {
		text_puts(t, json_str(holder, "message"));
	} else {
		put_offset(t, holder, "offset");
	}
}

void held_where(struct text *t, const cJSON *holder)
{
	put_where(t, holder, " -> ");
}

void held_phrase(struct text *t, const cJSON *holder, int pid)
{
	size_t before = t->len;
	bool unknown = !strcmp(json_str(holder, "kind"), "unknown") &&
		       !*json_str(holder, "function");

	held_who(t, holder, pid);
	if (t->len > before)
		text_puts(t, unknown ? ": " : " in ");
	put_where(t, holder, ", which points to ");
}

void held_phrases(struct text *t, const cJSON *holders, int pid)
{
	int n = cJSON_GetArraySize(holders);
	int shown = n <= PHRASES ? n : PHRASES - 1;

	for (int i = 0; i < shown; i++) {
		if (i > 0)
			text_puts(t, i + 1 == n ? " and " : ", ");
		held_phrase(t, cJSON_GetArrayItem(holders, i), pid);
	}
	if (shown < n)
		text_printf(t, " and %d more", n - shown);
}

char *held_size(double bytes)
{
	if (bytes >= 1024 * 1024)
		return xasprintf("%.1f MB", bytes / 1024 / 1024);
	if (bytes >= 1024)
		return xasprintf("%.0f kB", bytes / 1024);
	return xasprintf("%.0f bytes", bytes);
}

static void put_size(struct text *t, const cJSON *fate, const char *member)
{
	char *s = held_size(json_num(fate, member, 0));

	text_puts(t, s);
	free(s);
}

void held_fate(struct text *t, const cJSON *fate, int pid)
{
	const char *outcome = json_str(fate, "outcome");
	const char *why = json_str(fate, "why");
	bool kept = !strcmp(outcome, "kept");

	text_printf(t, "%s in pid %d: ", kept ? "kept" : "purged", pid);
	if (!kept && json_num(fate, "unmapped", 0) > 0) {
		put_size(t, fate, "unmapped");
		text_puts(t, " unmapped");
	} else if (!kept) {
		text_puts(t, "its code is inaccessible");
	}
	if (json_num(fate, "kept", 0) > 0 && !kept) {
		text_puts(t, ", ");
		put_size(t, fate, "kept");
		text_puts(t, " stay");
	}
	if (*why)
		text_printf(t, "%s%s", kept ? "" : ": ", why);
}
