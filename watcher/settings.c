/* SPDX-License-Identifier: MIT
 *
 * hotwatch.json: one table of keys, each with its type and its place in
 * struct settings. A key that is not in the table is an error: a setting that
 * is silently ignored because of a slip costs more than a message.
 *
 * cJSON keeps no positions, so the line of a key is found by a second walk
 * over the text, which only has to know strings and brackets.
 */
#include "watcher/settings.h"

#include "watcher/util.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_BOOL,
	KIND_COUNT,
	KIND_TEXT,
	KIND_WORDS,
	KIND_CHOICE,
	KIND_SUPPRESS
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *const *choices;
	const char *wanted; /* for messages */
};

static const char *const on_held[] = {"linger", "refuse", "kill", NULL};
static const char *const unsafe[] = {"refuse", "warn", NULL};

#define AT(field) offsetof(struct settings, field)
static const struct key keys[] = {
    {"on_held", KIND_CHOICE, AT(on_held), on_held,
     "\"linger\", \"refuse\" or \"kill\""},
    {"unsafe", KIND_CHOICE, AT(unsafe), unsafe, "\"refuse\" or \"warn\""},
    {"reload_on_save", KIND_BOOL, AT(reload_on_save), NULL, "true or false"},
    {"purge_deadline_ms", KIND_COUNT, AT(purge_deadline_ms), NULL,
     "a whole number, 0 or more"},
    {"keep_versions", KIND_COUNT, AT(keep_versions), NULL,
     "a whole number, 0 or more"},
    {"compiler", KIND_TEXT, AT(compiler), NULL, "a text"},
    {"compiler_launcher", KIND_WORDS, AT(compiler_launcher), NULL,
     "a text or a list of texts"},
    {"build", KIND_TEXT, AT(build), NULL, "a text"},
    {"ignore", KIND_WORDS, AT(ignore), NULL, "a text or a list of texts"},
    {"suppress", KIND_SUPPRESS, 0, NULL,
     "a list of objects with \"rule\", \"reason\" and \"expires\" (a day, "
     "\"2026-01-31\"), perhaps \"module\" and \"symbol\", and nothing else"},
};

void settings_init(struct settings *s)
{
	*s = (struct settings){
	    .on_held = ON_HELD_LINGER,
	    .unsafe = UNSAFE_REFUSE,
	    .reload_on_save = true,
	    .purge_deadline_ms = 5000,
	    .keep_versions = 2,
	};
}

static void suppress_free(struct settings *s)
{
	for (size_t i = 0; i < s->nsuppress; i++) {
		struct suppression *p = &s->suppress[i];

		free(p->rule);
		free(p->reason);
		free(p->expires);
		free(p->module);
		free(p->symbol);
	}
	free(s->suppress);
	s->suppress = NULL;
	s->nsuppress = 0;
}

void settings_free(struct settings *s)
{
	suppress_free(s);
	free(s->compiler);
	freev(s->compiler_launcher);
	free(s->build);
	freev(s->ignore);
	*s = (struct settings){0};
}

static unsigned line_at(const char *text, const char *at)
{
	unsigned line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* Past the string that begins at S. */
static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

/* Where the NTH member of the outermost object has its name. */
static const char *member_at(const char *text, int nth)
{
	int depth = 0;
	bool name = false; /* the next string at depth 1 is a name */

	for (const char *s = text; *s;) {
		if (*s == '"') {
			if (depth == 1 && name && nth-- == 0)
				return s;
			name = false;
			s = skip_string(s);
			continue;
		}
		if (*s == '{' || *s == '[')
			name = ++depth == 1;
		else if (*s == '}' || *s == ']')
			depth--;
		else if (*s == ',' && depth == 1)
			name = true;
		s++;
	}
	return text;
}

static bool is_words(const cJSON *v)
{
	const cJSON *i;

	if (cJSON_IsString(v))
		return true;
	if (!cJSON_IsArray(v))
		return false;
	cJSON_ArrayForEach(i, v)
	{
		if (!cJSON_IsString(i))
			return false;
	}
	return true;
}

/* One text is split at blanks: "ccache distcc". */
static char **take_words(const cJSON *v)
{
	struct strv words = {0};
	const cJSON *i;

	cJSON_ArrayForEach(i, v)
	{
		strv_add(&words, i->valuestring);
	}
	if (cJSON_IsString(v)) {
		const char *s = v->valuestring;

		for (; *(s += strspn(s, " \t")); s += strcspn(s, " \t"))
			strv_add_own(&words, xstrndup(s, strcspn(s, " \t")));
	}
	return strv_take(&words);
}

static bool take_choice(const char *const *choices, const cJSON *v, int *out)
{
	for (int i = 0; cJSON_IsString(v) && choices[i]; i++) {
		if (!strcmp(choices[i], v->valuestring)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool is_day(const char *s)
{
	static const char shape[] = "0000-00-00";

	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == '0' ? s[i] < '0' || s[i] > '9'
				    : s[i] != shape[i])
			return false;
	return true;
}

static bool take_suppression(struct suppression *p, const cJSON *o)
{
	const struct {
		const char *name;
		char **at;
	} members[] = {{"rule", &p->rule},
		       {"reason", &p->reason},
		       {"expires", &p->expires},
		       {"module", &p->module},
		       {"symbol", &p->symbol}};
	const cJSON *v;

	cJSON_ArrayForEach(v, o)
	{
		size_t i = 0;

		while (i < ARRAY_SIZE(members) &&
		       strcmp(members[i].name, v->string) != 0)
			i++;
		if (i == ARRAY_SIZE(members) || !cJSON_IsString(v))
			return false;
		free(*members[i].at);
		*members[i].at = xstrdup(v->valuestring);
	}
	return cJSON_IsObject(o) && p->rule && p->reason && *p->reason &&
	       p->expires && is_day(p->expires);
}

static bool take_suppress(struct settings *s, const cJSON *v)
{
	const cJSON *o;
	bool good = cJSON_IsArray(v);

	suppress_free(s);
	s->suppress =
	    xcalloc((size_t)cJSON_GetArraySize(v) + 1, sizeof(*s->suppress));
	cJSON_ArrayForEach(o, v)
	{
		if (good)
			good =
			    take_suppression(&s->suppress[s->nsuppress++], o);
	}
	return good;
}

/* False: V has not the type that K wants. */
static bool take_value(struct settings *s, const struct key *k, const cJSON *v)
{
	void *at = (char *)s + k->offset;

	switch (k->kind) {
	case KIND_BOOL:
		*(bool *)at = cJSON_IsTrue(v);
		return cJSON_IsBool(v);
	case KIND_COUNT:
		*(int *)at = v->valueint;
		return cJSON_IsNumber(v) && v->valuedouble == v->valueint &&
		       v->valueint >= 0 && v->valueint < INT_MAX;
	case KIND_CHOICE:
		return take_choice(k->choices, v, at);
	case KIND_TEXT:
		free(*(char **)at);
		*(char **)at =
		    cJSON_IsString(v) ? xstrdup(v->valuestring) : NULL;
		return cJSON_IsString(v);
	case KIND_WORDS:
		freev(*(char ***)at);
		*(char ***)at = is_words(v) ? take_words(v) : NULL;
		return is_words(v);
	case KIND_SUPPRESS:
		return take_suppress(s, v);
	}
	return false;
}

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static char *known_keys(void)
{
	struct text t = {0};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		text_printf(&t, "%s%s", i ? ", " : "", keys[i].name);
	return text_take(&t);
}

static int take_member(struct settings *s, const char *path, const char *text,
		       const cJSON *v, int nth, char **err)
{
	const struct key *k = key_find(v->string);
	unsigned line = line_at(text, member_at(text, nth));
	char *known;

	if (k && take_value(s, k, v)) {
		for (size_t i = 0; k->kind == KIND_SUPPRESS && i < s->nsuppress;
		     i++)
			s->suppress[i].line = line;
		return 0;
	}
	if (k)
		return fail(err, "%s:%u: %s must be %s", path, line, k->name,
			    k->wanted);
	known = known_keys();
	fail(err, "%s:%u: unknown setting \"%s\"; known are %s", path, line,
	     v->string, known);
	free(known);
	return -1;
}

static int take_all(struct settings *s, const char *path, const char *text,
		    const cJSON *o, char **err)
{
	const cJSON *v;
	int nth = 0;

	if (!cJSON_IsObject(o))
		return fail(err, "%s:1: must be an object, {...}", path);
	cJSON_ArrayForEach(v, o)
	{
		if (take_member(s, path, text, v, nth++, err) < 0)
			return -1;
	}
	return 0;
}

int settings_read(struct settings *s, const char *path, char **err)
{
	const char *end = NULL;
	char *text;
	cJSON *o;
	int r;

	if (!file_exists(path))
		return 0;
	if (file_read(path, &text, NULL, err) < 0)
		return -1;
	o = cJSON_ParseWithOpts(text, &end, true);
	if (o)
		r = take_all(s, path, text, o, err);
	else
		r = fail(err, "%s:%u: not JSON from here on: %.20s", path,
			 line_at(text, end ? end : text),
			 end && *end ? end : "(end of file)");
	cJSON_Delete(o);
	free(text);
	return r;
}

cJSON *settings_fault(const char *err, const char *path)
{
	cJSON *o = cJSON_CreateObject();
	size_t len = strlen(path);
	unsigned line = 1;
	int n = 0;

	if (starts_with(err, path) &&
	    sscanf(err + len, ":%u: %n", &line, &n) == 1 && n)
		err += len + (size_t)n;
	cJSON_AddStringToObject(o, "file", path);
	cJSON_AddNumberToObject(o, "line", line);
	cJSON_AddStringToObject(o, "message", err);
	return o;
}
