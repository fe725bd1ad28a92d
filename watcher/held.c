/* SPDX-License-Identifier: MIT
 *
 * See held.h.
 *
 * A frame below the innermost is known by its return address, which may be
 * that of the next line or even of the next function: it is looked up one byte
 * before. The innermost, a program counter, is looked up as it is.
 */
#include "watcher/held.h"

#include "watcher/jsonget.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hex(const cJSON *o, const char *name)
{
	return strtoull(json_str(o, name), NULL, 16);
}

bool held_is_holder(const cJSON *o)
{
	static const char *const kinds[] = {"frame", "pointer", "unknown"};
	const char *kind = json_str(o, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i]) && *json_str(o, "id"))
			return true;
	return false;
}

static void set_str(cJSON *o, const char *name, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, name);
	cJSON_AddStringToObject(o, name, value);
}

static void set_place(cJSON *o, const struct symbol_frame *f)
{
	set_str(o, "function", f->function);
	if (f->file)
		set_str(o, "file", f->file);
	cJSON_DeleteItemFromObjectCaseSensitive(o, "line");
	if (f->line > 0)
		cJSON_AddNumberToObject(o, "line", f->line);
}

/* --- frames -------------------------------------------------------------- */

static cJSON *inlined_json(const cJSON *frame, const struct symbol_frame *f)
{
	cJSON *o = cJSON_Duplicate(frame, true);

	set_place(o, f);
	cJSON_AddBoolToObject(o, "inlined", true);
	return o;
}

/* Appends FRAME, named, after those that were inlined into it. */
static void frame_names(struct symbolizer *s, cJSON *to, const cJSON *frame,
			bool innermost)
{
	const char *object = json_str(frame, "object");
	struct symbol_frames f = {0};
	cJSON *own;

	if (*object)
		symbolize_code(s, object, hex(frame, "offset") - !innermost,
			       &f);
	for (size_t i = 0; i + 1 < f.n; i++)
		cJSON_AddItemToArray(to, inlined_json(frame, &f.v[i]));
	own = cJSON_Duplicate(frame, true);
	if (f.n)
		set_place(own, &f.v[f.n - 1]);
	cJSON_AddItemToArray(to, own);
	symbol_frames_free(&f);
}

static bool is_named(const cJSON *frames)
{
	const cJSON *f;

	cJSON_ArrayForEach(f, frames)
	{
		if (json_at(f, "function"))
			return true;
	}
	return false;
}

static void name_frames(struct symbolizer *s, cJSON *holder)
{
	const cJSON *frames = json_at(holder, "frames"), *f;
	cJSON *named;

	if (!cJSON_IsArray(frames) || is_named(frames))
		return;
	named = cJSON_CreateArray();
	cJSON_ArrayForEach(f, frames)
	{
		frame_names(s, named, f, f == frames->child);
	}
	cJSON_ReplaceItemInObjectCaseSensitive(holder, "frames", named);
}

/* The holder itself is one of the frames, or is looked up alone. */
static void name_self(struct symbolizer *s, cJSON *holder)
{
	const cJSON *frames = json_at(holder, "frames");
	const char *object = json_str(holder, "object");
	bool innermost =
	    !frames || !frames->child ||
	    hex(frames->child, "address") == hex(holder, "address");
	struct symbol_frames names = {0};

	if (*object)
		symbolize_code(s, object, hex(holder, "offset") - !innermost,
			       &names);
	if (names.n)
		set_place(holder, &names.v[0]);
	if (names.n > 1)
		set_str(holder, "inlined_into", names.v[names.n - 1].function);
	symbol_frames_free(&names);
}

/* --- the hint ------------------------------------------------------------ */

static bool is_program(const cJSON *frame)
{
	return strstr(json_str(frame, "object"), ".hot/") != NULL;
}

/*
 * The function that goes round: the outermost of this version's, but not the
 * one that a thread began in if there is another, since that one only called
 * it. NULL if no name is known.
 */
static const cJSON *find_loop(const cJSON *holder)
{
	const char *object = json_str(holder, "object");
	const cJSON *f, *outer = NULL, *inner = NULL;
	bool began = true; /* nothing of the program is further out */

	cJSON_ArrayForEach(f, json_at(holder, "frames"))
	{
		if (!strcmp(json_str(f, "object"), object) &&
		    *json_str(f, "function")) {
			inner = outer;
			outer = f;
			began = true;
		} else if (is_program(f)) {
			began = false;
		}
	}
	return outer && began && inner ? inner : outer;
}

static void add_hint(cJSON *holder)
{
	const cJSON *loop = find_loop(holder);
	const char *function = json_str(loop, "function");
	int version = json_int(holder, "version", 0);
	struct text hint = {0};

	if (!*function)
		return;
	held_place(&hint, loop);
	if (!strcmp(function, "main"))
		text_printf(&hint,
			    " stays in v%d for good; what it calls in its own "
			    "file is called anew by HOT(...)(...)",
			    version);
	else
		text_printf(&hint,
			    " stays in v%d: where its next round begins, call "
			    "HOT(%s)(...)",
			    version, function);
	set_str(holder, "hint", hint.s);
	set_str(holder, "loop", function);
	text_free(&hint);
}

/* --- pointers ------------------------------------------------------------ */

static const char *version_file(const cJSON *loaded, const cJSON *holder)
{
	const cJSON *m, *v;

	cJSON_ArrayForEach(m, loaded)
	{
		if (strcmp(json_str(m, "module"), json_str(holder, "module")))
			continue;
		cJSON_ArrayForEach(v, json_at(m, "versions"))
		{
			if (json_int(v, "version", -1) ==
			    json_int(holder, "version", -2))
				return json_str(v, "file");
		}
	}
	return "";
}

static void name_target(struct symbolizer *s, cJSON *holder, const char *file)
{
	uint64_t offset = hex(holder, "offset");
	struct symbol_frames f = {0};
	char *data;

	symbolize_code(s, file, offset, &f);
	data = f.n ? NULL : symbolize_data(s, file, offset);
	if (f.n)
		set_str(holder, "points_to", f.v[f.n - 1].function);
	else if (data)
		set_str(holder, "points_to", data);
	free(data);
	symbol_frames_free(&f);
}

static void name_pointer(struct symbolizer *s, cJSON *holder,
			 const cJSON *loaded)
{
	const char *object = json_str(holder, "object");
	const char *file = version_file(loaded, holder);
	char *variable = NULL;

	if (*object && *json_str(holder, "at_offset"))
		variable = symbolize_data(s, object, hex(holder, "at_offset"));
	if (variable)
		set_str(holder, "variable", variable);
	if (*file && *json_str(holder, "offset"))
		name_target(s, holder, file);
	free(variable);
}

int held_old(const cJSON *loaded)
{
	const cJSON *m, *v;
	int n = 0;

	cJSON_ArrayForEach(m, loaded)
	{
		cJSON_ArrayForEach(v, json_at(m, "versions")) n +=
		    *json_str(v, "state") &&
		    strcmp(json_str(v, "state"), "current") != 0;
	}
	return n;
}

/* --- all ----------------------------------------------------------------- */

static void name_holder(struct symbolizer *s, cJSON *holder,
			const cJSON *loaded)
{
	if (!strcmp(json_str(holder, "kind"), "pointer")) {
		name_pointer(s, holder, loaded);
		return;
	}
	name_frames(s, holder);
	name_self(s, holder);
	if (json_true(holder, "looping"))
		add_hint(holder);
}

void held_name(struct symbolizer *s, cJSON *answer, const cJSON *loaded)
{
	cJSON *i;

	if (held_is_holder(answer)) {
		name_holder(s, answer, loaded);
		return;
	}
	cJSON_ArrayForEach(i, answer)
	{
		if (cJSON_IsObject(i) || cJSON_IsArray(i))
			held_name(s, i, loaded);
	}
}
