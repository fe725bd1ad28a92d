/* SPDX-License-Identifier: MIT
 *
 * Reads clang's text output. clang can write SARIF, but only to stderr in
 * place of the text that people want to read, and a second run for it would
 * double the time to an error; the text form "file:line:col: severity: text"
 * has not changed in twenty years and gcc and lld use it too.
 *
 * A file's name may hold colons, so a line is split from the severity
 * backwards, not from the front.
 */
#include "watcher/diagnostics.h"

#include "watcher/util.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *mark, *severity;
} severities[] = {
    {": fatal error: ", "error"},
    {": error: ", "error"},
    {": warning: ", "warning"},
    {": note: ", "note"},
};

/* Takes ":N" off the end of S of length *LEN. */
static unsigned take_number(const char *s, size_t *len)
{
	size_t n = *len;
	unsigned long value;

	while (n > 0 && isdigit((unsigned char)s[n - 1]))
		n--;
	if (n == *len || n == 0 || s[n - 1] != ':' || *len - n > 9)
		return 0;
	value = strtoul(s + n, NULL, 10);
	*len = n - 1;
	return (unsigned)value;
}

static struct diagnostic *append(struct diagnostics *d)
{
	d->v = xrealloc(d->v, (d->n + 1) * sizeof(*d->v));
	d->v[d->n] = (struct diagnostic){0};
	return &d->v[d->n++];
}

/* The head of a line, up to its severity: file, file:line or file:line:col;
 * a tool's own name ("clang", "ld.lld-19") has no number and is no file. */
static void parse_place(struct diagnostic *g, const char *head, size_t len,
			const char *dir)
{
	unsigned last = take_number(head, &len), before = 0;
	char *name;

	if (last)
		before = take_number(head, &len);
	g->line = before ? before : last;
	g->column = before ? last : 0;
	if (!g->line)
		return;
	name = xstrndup(head, len);
	g->file = path_absolute(dir, name);
	free(name);
}

/* Where LINE says its severity, of which *KIND is the row; or NULL. */
static const char *find_mark(const char *line, size_t *kind)
{
	const char *mark = NULL;

	if (isspace((unsigned char)line[0]) || fixit_is(line))
		return NULL; /* quoted source; what to write instead */
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
		const char *s = strstr(line, severities[i].mark);

		if (s && (!mark || s < mark)) {
			mark = s;
			*kind = i;
		}
	}
	return mark;
}

static void parse_line(struct diagnostics *d, const char *line, const char *dir)
{
	size_t kind = 0;
	const char *mark = find_mark(line, &kind);
	struct diagnostic *g;

	if (fixit_is(line) && d->n) /* of what was said last */
		fixit_parse(&d->v[d->n - 1].fixits, line, dir);
	if (!mark)
		return;
	g = append(d);
	parse_place(g, line, mark - line, dir);
	g->severity = xstrdup(severities[kind].severity);
	g->message = xstrdup(mark + strlen(severities[kind].mark));
}

/* The next line of *S, without its end, malloc'd; NULL at the end. */
static char *take_line(const char **s)
{
	size_t n = strcspn(*s, "\n"), end = n;
	char *line;

	if (!**s)
		return NULL;
	if (end > 0 && (*s)[end - 1] == '\r')
		end--;
	line = xstrndup(*s, end);
	*s += n + ((*s)[n] == '\n');
	return line;
}

void diagnostics_parse(struct diagnostics *d, const char *output,
		       const char *dir)
{
	char *line;

	while ((line = take_line(&output))) {
		parse_line(d, line, dir);
		free(line);
	}
}

/* "1 warning and 2 errors generated." */
static bool is_count(const char *line)
{
	return isdigit((unsigned char)line[0]) &&
	       ends_with(line, " generated.");
}

/* Includes are named before what they lead to; notes follow it. */
char *diagnostics_errors(const char *output)
{
	struct text out = {0}, includes = {0};
	bool keep = true;
	char *line;

	for (; (line = take_line(&output)); free(line)) {
		size_t kind = 0;
		const char *mark = find_mark(line, &kind);
		const char *severity = mark ? severities[kind].severity : "";

		if (starts_with(line, "In file included from ")) {
			text_printf(&includes, "%s\n", line);
			continue;
		}
		if (mark && strcmp(severity, "note") != 0)
			keep = !strcmp(severity, "error");
		if (keep && !is_count(line))
			text_printf(&out, "%s%s\n",
				    includes.s ? includes.s : "", line);
		text_free(&includes);
	}
	text_free(&includes);
	return text_take(&out);
}

void diagnostics_readable(char *output)
{
	char *to = output, *next;

	for (char *s = output; *s; s = next) {
		next = s + strcspn(s, "\n");
		next += *next == '\n';
		if (fixit_is(s))
			continue;
		memmove(to, s, next - s);
		to += next - s;
	}
	*to = '\0';
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool has(const struct diagnostics *d, const struct diagnostic *g)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].line == g->line && d->v[i].column == g->column &&
		    same_text(d->v[i].file, g->file) &&
		    same_text(d->v[i].message, g->message))
			return true;
	return false;
}

size_t diagnostics_merge(struct diagnostics *to, const struct diagnostics *from)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++) {
		const struct diagnostic *f = &from->v[i];
		struct diagnostic *g;

		if (has(to, f))
			continue;
		g = append(to);
		g->file = f->file ? xstrdup(f->file) : NULL;
		g->line = f->line;
		g->column = f->column;
		g->severity = xstrdup(f->severity);
		g->message = xstrdup(f->message);
		fixits_copy(&g->fixits, &f->fixits);
		n += strcmp(f->severity, "note") != 0;
	}
	return n;
}

static void diagnostic_free(struct diagnostic *g)
{
	free(g->file);
	free(g->severity);
	free(g->message);
	fixits_free(&g->fixits);
}

static void take_out(struct diagnostics *d, const struct diagnostic *old)
{
	for (size_t i = 0; i < d->n; i++) {
		struct diagnostic *g = &d->v[i];

		if (!same_text(g->file, old->file) ||
		    !same_text(g->message, old->message))
			continue;
		diagnostic_free(g);
		memmove(g, g + 1, (--d->n - i) * sizeof(*g));
		return;
	}
}

void diagnostics_subtract(struct diagnostics *d, const struct diagnostics *old)
{
	for (size_t i = 0; i < old->n; i++)
		take_out(d, &old->v[i]);
}

void diagnostics_free(struct diagnostics *d)
{
	for (size_t i = 0; i < d->n; i++)
		diagnostic_free(&d->v[i]);
	free(d->v);
	*d = (struct diagnostics){0};
}

cJSON *diagnostics_json(const struct diagnostics *d)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < d->n; i++) {
		const struct diagnostic *g = &d->v[i];
		cJSON *o = cJSON_CreateObject();

		if (g->file)
			cJSON_AddStringToObject(o, "file", g->file);
		cJSON_AddNumberToObject(o, "line", g->line);
		cJSON_AddNumberToObject(o, "column", g->column);
		cJSON_AddStringToObject(o, "severity", g->severity);
		cJSON_AddStringToObject(o, "message", g->message);
		if (g->fixits.n)
			cJSON_AddItemToObject(o, "fixits",
					      fixits_json(&g->fixits));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
