/* SPDX-License-Identifier: MIT
 *
 * What a live event says of variables, a line each. Many targets usually say
 * the same, which is said once.
 */
#include "watcher/report-state.h"

#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/ui.h"
#include "watcher/util.h"

/* Whether a target before END says the same. */
static bool said_before(const cJSON *event, const cJSON *end, const cJSON *note)
{
	const cJSON *target, *o;

	cJSON_ArrayForEach(target, json_at(event, "targets"))
	{
		if (target == end)
			return false;
		cJSON_ArrayForEach(
		    o, json_at(target,
			       "state")) if (cJSON_Compare(o, note,
							   true)) return true;
	}
	return false;
}

static void note_report(struct text *t, const struct ui *ui, const cJSON *note)
{
	bool bad = !strcmp(json_str(note, "kind"), "conflict") ||
		   !strcmp(json_str(note, "kind"), "lost");

	text_puts(t, "  ");
	if (*json_str(note, "file"))
		text_printf(t, "%s:%d: ", json_str(note, "file"),
			    json_int(note, "line", 0));
	ui_put(t, ui, bad ? UI_WARN : UI_DIM, "%s", json_str(note, "message"));
	text_puts(t, "\n");
}

void report_state(struct text *t, const struct ui *ui, const cJSON *event)
{
	const cJSON *target, *note;

	cJSON_ArrayForEach(target, json_at(event, "targets"))
	{
		cJSON_ArrayForEach(note, json_at(target, "state"))
		{
			if (!said_before(event, target, note))
				note_report(t, ui, note);
		}
	}
}
