/* SPDX-License-Identifier: MIT
 *
 * One instruction of a release, read by the table of words: which it is, and
 * what it may have beside.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/jsonline.h"
#include "watcher/release-reader.h"

/* --- values --------------------------------------------------------------- */

static bool add_name(struct strv *names, const cJSON *v)
{
	if (cJSON_IsString(v) && *v->valuestring)
		strv_add(names, v->valuestring);
	else if (cJSON_IsNumber(v) && v->valueint > 0)
		strv_add_own(names, xasprintf("%d", v->valueint));
	else
		return false;
	return true;
}

/* A name, or a list of them that is not empty. Processes may be numbers. */
static int names_read(const struct release_reader *rd, const char *key,
		      const cJSON *v, bool numbers, char ***out)
{
	struct strv names = {0};
	bool good = !cJSON_IsArray(v) || cJSON_GetArraySize(v) > 0;
	const cJSON *i = cJSON_IsArray(v) ? v->child : v;

	for (; good && i; i = cJSON_IsArray(v) ? i->next : NULL)
		good = (numbers || cJSON_IsString(i)) && add_name(&names, i);
	if (!good) {
		strv_free(&names);
		return reader_wrong_key(
		    rd, key,
		    numbers ? "a process's name or number, or a "
			      "list of them"
			    : "a module's name, or a list of "
			      "them");
	}
	freev(*out);
	*out = strv_take(&names);
	return 0;
}

int reader_text(const struct release_reader *rd, const char *key,
		const cJSON *v, char **out)
{
	if (!cJSON_IsString(v))
		return reader_wrong_key(rd, key, "a text");
	free(*out);
	*out = xstrdup(v->valuestring);
	return 0;
}

static int purge_read(const struct release_reader *rd, const cJSON *v, bool pre,
		      enum release_purge *out)
{
	for (int i = pre ? 0 : 1; cJSON_IsString(v) && i < 3; i++) {
		if (strcmp(v->valuestring, release_purge_words[i]) != 0)
			continue;
		*out = (enum release_purge)i;
		return 0;
	}
	return reader_wrong_key(rd, v->string,
				pre ? "\"linger\", \"soft_purge\" or "
				      "\"brutal_purge\""
				    : "\"soft_purge\" or \"brutal_purge\"");
}

static int change_read(const struct release_reader *rd, const cJSON *v,
		       bool *soft)
{
	const char *s = cJSON_GetStringValue(v);

	if (!s || (strcmp(s, "soft") != 0 && strcmp(s, "advanced") != 0))
		return reader_wrong_key(rd, "change",
					"\"advanced\" (with a code_change) or "
					"\"soft\" (without)");
	*soft = !strcmp(s, "soft");
	return 0;
}

static int time_read(const struct release_reader *rd, const cJSON *v, int *ms)
{
	if (!cJSON_IsNumber(v) || v->valuedouble != v->valueint ||
	    v->valueint < 1 || v->valueint > 3600000)
		return reader_wrong_key(rd, "timeout_ms",
					"a whole number, 1 to 3600000");
	*ms = v->valueint;
	return 0;
}

/* --- an instruction ------------------------------------------------------- */

static const struct release_word *word_named(const char *name)
{
	for (size_t i = 0; name && i < release_nwords; i++)
		if (!strcmp(release_words[i].name, name))
			return &release_words[i];
	return NULL;
}

static int option_read(const struct release_reader *rd, struct release_step *s,
		       const cJSON *v)
{
	const char *key = v->string;

	if (!strcmp(key, "extra"))
		return reader_text(rd, key, v, &s->extra);
	if (!strcmp(key, "processes"))
		return names_read(rd, key, v, true, &s->processes);
	if (!strcmp(key, "with"))
		return names_read(rd, key, v, false, &s->with);
	if (!strcmp(key, "timeout_ms"))
		return time_read(rd, v, &s->timeout_ms);
	if (!strcmp(key, "change"))
		return change_read(rd, v, &s->soft);
	if (!strcmp(key, "pre_purge"))
		return purge_read(rd, v, true, &s->pre);
	return purge_read(rd, v, false, &s->post);
}

static bool may_have(const struct release_word *w, const char *key)
{
	char *word = xasprintf(" %s ", key);
	bool may = strstr(w->may, word) != NULL;

	free(word);
	return may;
}

static int unknown_word(const struct release_reader *rd, const char *name)
{
	const char *why = release_why_not(name);
	struct text known = {0};

	if (why) {
		reader_wrong(rd, rd->at, "%s cannot be done: %s", name, why);
		return -1;
	}
	for (size_t i = 0; i < release_nwords; i++)
		text_printf(&known, "%s%s", i ? ", " : " ",
			    release_words[i].name);
	reader_wrong(rd, json_member_at(rd->at, name),
		     "unknown instruction \"%s\"; known are%s", name, known.s);
	text_free(&known);
	return -1;
}

/* The word of the object V; NULL: it has none, which was told. */
static const struct release_word *word_of(const struct release_reader *rd,
					  const cJSON *v)
{
	const struct release_word *w = NULL;
	const cJSON *m;

	cJSON_ArrayForEach(m, v)
	{
		const struct release_word *has = word_named(m->string);

		if (has && w) {
			reader_wrong(rd, json_member_at(rd->at, m->string),
				     "%s and %s are two instructions", w->name,
				     has->name);
			return NULL;
		}
		w = has ? has : w;
	}
	if (!w && v->child)
		unknown_word(rd, v->child->string);
	else if (!w)
		reader_wrong(rd, rd->at, "there is no instruction in it");
	return w;
}

static int members_read(const struct release_reader *rd,
			const struct release_word *w, struct release_step *s,
			const cJSON *v)
{
	const cJSON *m;
	int e = 0;

	cJSON_ArrayForEach(m, v)
	{
		if (e == 0 && !strcmp(m->string, w->name))
			e = names_read(rd, w->name, m, !w->modules,
				       w->modules ? &s->modules
						  : &s->processes);
		else if (e == 0 && may_have(w, m->string))
			e = option_read(rd, s, m);
		else if (e == 0)
			e = reader_unknown_key(rd, m->string, w->may);
	}
	return e;
}

int reader_step(const struct release_reader *rd, struct release_step *s,
		const cJSON *v)
{
	const struct release_word *w;

	*s = (struct release_step){.line = json_line(rd->text, rd->at),
				   .post = RELEASE_PURGE_SOFT,
				   .timeout_ms = 5000};
	s->modules = xcalloc(1, sizeof(char *));
	s->with = xcalloc(1, sizeof(char *));
	s->processes = xcalloc(1, sizeof(char *));
	if (cJSON_IsString(v)) {
		if (!strcmp(v->valuestring, "point_of_no_return")) {
			s->verb = RELEASE_NO_RETURN;
			return 0;
		}
		return unknown_word(rd, v->valuestring);
	}
	if (!cJSON_IsObject(v))
		return reader_wrong(rd, rd->at,
				    "an instruction must be an object, "
				    "or \"point_of_no_return\"");
	w = word_of(rd, v);
	if (!w)
		return -1;
	if (w->verb == RELEASE_NO_RETURN)
		return reader_wrong(rd, rd->at,
				    "it stands alone: \"point_of_no_return\"");
	s->verb = w->verb;
	return members_read(rd, w, s, v);
}
