/* SPDX-License-Identifier: MIT
 *
 * See fixit.h. -fdiagnostics-parseable-fixits adds these lines to the text that
 * is parsed anyway; the other way to have them, -fdiagnostics-format=sarif,
 * gives no text for people (diagnostics.c). Strings are escaped as in C.
 */
#include "watcher/fixit.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

#define HEAD "fix-it:"

bool fixit_is(const char *line)
{
	return starts_with(line, HEAD "\"");
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* One character of a string, after its backslash if it has one. */
static char take_char(const char **s)
{
	char c = *(*s)++;
	int value = 0;

	if (c != '\\' || !**s)
		return c;
	c = *(*s)++;
	if (!is_octal(c))
		return c == 'n' ? '\n' : c == 't' ? '\t' : c;
	value = c - '0';
	for (int i = 0; i < 2 && is_octal(**s); i++)
		value = value * 8 + *(*s)++ - '0';
	return (char)value;
}

/* A string in quotes at *S, malloc'd; NULL if there is none. */
static char *take_string(const char **s)
{
	struct text t = {0};
	char c;

	if (**s != '"')
		return NULL;
	(*s)++;
	while (**s && **s != '"') {
		c = take_char(s);
		text_add(&t, &c, 1);
	}
	if (**s != '"') {
		text_free(&t);
		return NULL;
	}
	(*s)++;
	return text_take(&t);
}

void fixit_parse(struct fixits *f, const char *line, const char *dir)
{
	const char *s = line + strlen(HEAD);
	struct fixit x = {0};
	char *name = take_string(&s);
	int n = 0;

	if (name &&
	    sscanf(s, ":{%u:%u-%u:%u}:%n", &x.line, &x.column, &x.end_line,
		   &x.end_column, &n) == 4 &&
	    n > 0) {
		s += n;
		x.text = take_string(&s);
	}
	if (x.text) {
		x.file = path_absolute(dir, name);
		f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
		f->v[f->n++] = x;
	}
	free(name);
}

void fixits_copy(struct fixits *to, const struct fixits *from)
{
	*to = (struct fixits){xcalloc(from->n + 1, sizeof(*to->v)), from->n};
	for (size_t i = 0; i < from->n; i++) {
		to->v[i] = from->v[i];
		to->v[i].file = xstrdup(from->v[i].file);
		to->v[i].text = xstrdup(from->v[i].text);
	}
}

void fixits_free(struct fixits *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].file);
		free(f->v[i].text);
	}
	free(f->v);
	*f = (struct fixits){0};
}

cJSON *fixits_json(const struct fixits *f)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < f->n; i++) {
		const struct fixit *x = &f->v[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "file", x->file);
		cJSON_AddNumberToObject(o, "line", x->line);
		cJSON_AddNumberToObject(o, "column", x->column);
		cJSON_AddNumberToObject(o, "end_line", x->end_line);
		cJSON_AddNumberToObject(o, "end_column", x->end_column);
		cJSON_AddStringToObject(o, "text", x->text);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
