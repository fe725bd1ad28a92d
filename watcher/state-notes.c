/* SPDX-License-Identifier: MIT
 *
 * See state-notes.h. Told are conflicts, variables that are gone, that moved to
 * a new layout, and new initializers that were taken: whoever changes an
 * initializer wants to know whether it counts. What a target does not say is
 * not told.
 */
#include "watcher/state-notes.h"

#include <string.h>

#include "watcher/jsonget.h"
#include "watcher/util.h"

/* "db[0].v": a path begins with an element or a member. */
static void put_member(struct text *t, const char *variable, const char *path)
{
	text_printf(t, "%s%s%s", variable, !*path || *path == '[' ? "" : ".",
		    path);
}

static void put_names(struct text *t, const char *what, const cJSON *names)
{
	const cJSON *name;

	cJSON_ArrayForEach(name, names)
	{
		text_printf(t, "%s%s", name->prev->next ? ", " : what,
			    cJSON_GetStringValue(name));
	}
}

static void say_conflict(struct text *t, const cJSON *o)
{
	put_member(t, json_str(o, "variable"), json_str(o, "member"));
	text_printf(t,
		    " keeps %s, which the program gave it; the new "
		    "initializer is %s",
		    json_str(o, "live"), json_str(o, "new"));
}

static void say_migrated(struct text *t, const cJSON *o)
{
	text_printf(t, "%s moved to its new layout", json_str(o, "variable"));
	put_names(t, "; new: ", json_at(o, "added"));
	put_names(t, "; gone: ", json_at(o, "removed"));
}

static void say_merged(struct text *t, const cJSON *o)
{
	const cJSON *members = json_at(o, "members"), *m;

	if (!cJSON_GetArraySize(members))
		text_puts(t, json_str(o, "variable"));
	cJSON_ArrayForEach(m, members)
	{
		if (m->prev->next)
			text_puts(t, ", ");
		put_member(t, json_str(o, "variable"), cJSON_GetStringValue(m));
	}
	text_puts(t, " took the new initializer");
}

static void say_lost(struct text *t, const cJSON *id)
{
	const char *s = cJSON_GetStringValue(id), *colon = strrchr(s, ':');

	s = colon ? colon + 1 : s;
	if (starts_with(s, "__emutls_v."))
		s += strlen("__emutls_v.");
	text_printf(t, "%s is gone, with what it held", s);
}

static const struct {
	const char *list, *kind;
	void (*say)(struct text *t, const cJSON *o);
} kinds[] = {
    {"conflicts", "conflict", say_conflict},
    {"lost", "lost", say_lost},
    {"migrated", "migrated", say_migrated},
    {"merged", "merged", say_merged},
};

static void note_add(cJSON *notes, size_t kind, const cJSON *o)
{
	cJSON *note = cJSON_CreateObject();
	struct text text = {0};

	kinds[kind].say(&text, o);
	cJSON_AddStringToObject(note, "kind", kinds[kind].kind);
	if (*json_str(o, "file")) {
		cJSON_AddStringToObject(note, "file", json_str(o, "file"));
		cJSON_AddNumberToObject(note, "line", json_int(o, "line", 0));
	}
	cJSON_AddStringToObject(note, "message", text.s);
	cJSON_AddItemToArray(notes, note);
	text_free(&text);
}

cJSON *state_notes(cJSON *notes, const cJSON *loaded)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const cJSON *o;

		cJSON_ArrayForEach(o, json_at(loaded, kinds[i].list))
		{
			if (!notes)
				notes = cJSON_CreateArray();
			note_add(notes, i, o);
		}
	}
	return notes;
}
