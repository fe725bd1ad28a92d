/* SPDX-License-Identifier: MIT
 *
 * See jsonline.h. Names are compared as they are written: one with an escape in
 * it is not found, and the message then tells the line of what it is in.
 */
#include "watcher/jsonline.h"

#include <string.h>

static const char *past_blanks(const char *s)
{
	return s + strspn(s, " \t\r\n,:");
}

/* Past the string that begins at S. */
static const char *past_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

static const char *past_value(const char *s)
{
	int depth = 0;

	do {
		s = past_blanks(s);
		if (*s == '"')
			s = past_string(s);
		else if (*s == '{' || *s == '[')
			depth++, s++;
		else if (*s == '}' || *s == ']')
			depth--, s++;
		else
			s += strcspn(s, " \t\r\n,:{}[]\"");
	} while (*s && depth > 0);
	return s;
}

/* The first thing inside the value at AT (a member's name: its value's). */
static const char *inside(const char *at)
{
	at = past_blanks(at);
	if (*at == '"') {
		const char *after = past_string(at);

		if (after[strspn(after, " \t\r\n")] == ':')
			at = past_blanks(after);
	}
	return *at == '{' || *at == '[' ? past_blanks(at + 1) : NULL;
}

static const char *next(const char *s)
{
	const char *after;

	if (*s == '"') {
		after = past_string(s);
		if (after[strspn(after, " \t\r\n")] == ':')
			s = past_blanks(after);
	}
	return past_blanks(past_value(s));
}

static int at_end(const char *s)
{
	return *s == '\0' || *s == '}' || *s == ']';
}

const char *json_member_at(const char *at, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = inside(at); s && !at_end(s); s = next(s))
		if (*s == '"' && !strncmp(s + 1, name, n) && s[n + 1] == '"')
			return s;
	return at;
}

const char *json_nth_at(const char *at, int n)
{
	const char *s = inside(at);

	for (; s && !at_end(s); s = next(s))
		if (n-- == 0)
			return s;
	return at;
}

unsigned json_line(const char *text, const char *at)
{
	unsigned line = 1;

	for (at = past_blanks(at); text < at; text++)
		line += *text == '\n';
	return line;
}
