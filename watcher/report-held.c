/* SPDX-License-Identifier: MIT
 *
 * The lines for events about old code: held, purged, exited.
 *
 *   hotwatch: src/server v2 held by main thread in main (server.c:7120)
 *   hotwatch: counter v1 still held after 5 s by process 3: loop
 *   (counter.c:88) stays in v1: where its next round begins, call HOT(loop)
 *   hotwatch: src/server v2 purged
 *
 * A version that was not told to be held goes without a line: that is what
 * every save ends in.
 */
#include "watcher/report-held.h"

#include <stdlib.h>
#include <string.h>

#include "watcher/held.h"
#include "watcher/jsonget.h"

static void put_version(struct text *t, const struct ui *ui, const cJSON *event)
{
	ui_put(t, ui, UI_NAME, "%s v%d",
	       json_str_at(json_at(event, "modules"), 0),
	       json_int(event, "version", 0));
}

static void put_count(struct text *t, const cJSON *event)
{
	int n = cJSON_GetArraySize(json_at(event, "targets"));

	if (n > 1)
		text_printf(t, " in %d processes", n);
}

/* Who stays in a loop, if that is what EVENT tells. */
static const cJSON *find_loop(const cJSON *event)
{
	const cJSON *h;

	cJSON_ArrayForEach(h, json_at(event, "holders"))
	{
		if (json_at(h, "hint") && json_at(event, "hint"))
			return h;
	}
	return NULL;
}

void report_held(struct text *t, const struct ui *ui, const cJSON *event,
		 bool brief)
{
	const cJSON *loop = find_loop(event);

	(void)brief;
	put_version(t, ui, event);
	text_puts(t, " ");
	ui_put(t, ui, UI_WARN, loop ? "still held" : "held");
	text_puts(t, loop ? " after 5 s by " : " by ");
	if (loop)
		held_who(t, loop, json_int(loop, "pid", 0));
	else
		ui_put(t, ui, UI_PLAIN, "%s", json_str(event, "message"));
	put_count(t, event);
	if (loop)
		text_printf(t, ": %s", json_str(event, "hint"));
	text_puts(t, "\n");
}

static int count_killed(const cJSON *fates)
{
	const cJSON *f;
	int n = 0;

	cJSON_ArrayForEach(f, fates) n +=
	    cJSON_GetArraySize(json_at(f, "killed"));
	return n;
}

/* Of version 0, whose variables are the program's, that is nothing to tell. */
static const cJSON *find_fenced(const cJSON *fates)
{
	const cJSON *f;

	cJSON_ArrayForEach(f, fates)
	{
		if (!strcmp(json_str(f, "outcome"), "fenced") &&
		    json_int(f, "version", 0) > 0)
			return f;
	}
	return NULL;
}

void report_purged(struct text *t, const struct ui *ui, const cJSON *event,
		   bool brief)
{
	const cJSON *fates = json_at(event, "fates");
	const cJSON *fenced = find_fenced(fates);
	int killed = count_killed(fates);
	char *size;

	(void)brief;
	if (!json_true(event, "was_held") && !killed)
		return;
	put_version(t, ui, event);
	text_puts(t, " ");
	ui_put(t, ui, UI_GOOD, "purged");
	put_count(t, event);
	if (fenced) {
		size = held_size(json_num(fenced, "kept", 0));
		text_printf(t, ", but for %s that are pointed to", size);
		free(size);
	}
	if (killed)
		text_printf(t, "; %d process%s killed", killed,
			    killed == 1 ? " was" : "es were");
	text_puts(t, "\n");
}

void report_exited(struct text *t, const struct ui *ui, const cJSON *event,
		   bool brief)
{
	const cJSON *exits = json_at(event, "exits");
	int n = cJSON_GetArraySize(exits);

	(void)brief;
	if (n == 1)
		text_printf(t, "process %d%s%s%s ended: ",
			    json_int(exits->child, "process", 0),
			    *json_str(exits->child, "name") ? " (" : "",
			    json_str(exits->child, "name"),
			    *json_str(exits->child, "name") ? ")" : "");
	else
		text_printf(t, "%d processes ended: ", n);
	ui_put(t, ui, UI_WARN, "%s", json_str(event, "message"));
	text_puts(t, "\n");
}
