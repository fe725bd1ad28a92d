/* SPDX-License-Identifier: MIT
 *
 * A make rule as compilers write it: "target: name name \<newline> name".
 *
 * clang and gcc escape a space by a backslash and double the backslashes just
 * before it, '#' by a backslash, '$' by another '$'; a backslash before
 * anything else is itself. Further rules (-MP's empty ones for headers) say
 * nothing new and are not read.
 */
#include "watcher/depfile.h"

#include "watcher/strmap.h"

#include <stdlib.h>
#include <string.h>

/* Length of an escaped or bare newline at S, or 0. */
static size_t newline_at(const char *s)
{
	if (s[0] == '\n')
		return 1;
	return s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

/* Past blanks and continued lines. */
static const char *skip_blank(const char *s)
{
	for (;;) {
		if (*s == ' ' || *s == '\t')
			s++;
		else if (*s == '\\' && newline_at(s + 1))
			s += 1 + newline_at(s + 1);
		else
			return s;
	}
}

/* Past the target: behind the colon that a blank or a line's end follows. */
static const char *skip_target(const char *s)
{
	for (; *s; s++) {
		if (*s != ':')
			continue;
		if (!s[1] || s[1] == ' ' || s[1] == '\t' || newline_at(s + 1) ||
		    (s[1] == '\\' && newline_at(s + 2)))
			return s + 1;
	}
	return s;
}

/* Takes the backslashes at S into NAME. Returns past them and what they
 * escaped, or NULL if a name ends here. */
static const char *take_backslashes(struct text *name, const char *s)
{
	size_t n = strspn(s, "\\");

	if (newline_at(s + n) && n % 2 == 1) {
		text_add(name, s, n - 1);
		return NULL;
	}
	if (s[n] == ' ') {
		text_add(name, s, n / 2);
		if (n % 2 == 0)
			return NULL;
		text_puts(name, " ");
		return s + n + 1;
	}
	if (s[n] == '#') {
		text_add(name, s, n - 1);
		text_puts(name, "#");
		return s + n + 1;
	}
	text_add(name, s, n);
	return s + n;
}

static const char *take_name(struct text *name, const char *s)
{
	const char *next;

	while (*s && *s != ' ' && *s != '\t' && !newline_at(s)) {
		if (*s == '\\') {
			next = take_backslashes(name, s);
			if (!next)
				return s + strspn(s, "\\") -
				       (newline_at(s + strspn(s, "\\")) > 0);
			s = next;
			continue;
		}
		if (s[0] == '$' && s[1] == '$')
			s++;
		text_add(name, s++, 1);
	}
	return s;
}

void depfile_parse(struct strv *deps, const char *text, const char *dir)
{
	const char *s = skip_target(text);
	struct strmap seen = {0};

	for (size_t i = 0; i < deps->n; i++)
		strmap_put(&seen, deps->v[i], deps);
	for (;;) {
		struct text name = {0};
		char *path;

		s = skip_blank(s);
		if (!*s || newline_at(s))
			break;
		s = take_name(&name, s);
		path = path_absolute(dir, name.s ? name.s : "");
		text_free(&name);
		if (strmap_get(&seen, path)) {
			free(path);
			continue;
		}
		strmap_put(&seen, path, deps);
		strv_add_own(deps, path);
	}
	strmap_free(&seen);
}

int depfile_read(struct strv *deps, const char *path, const char *dir,
		 char **err)
{
	char *text;

	if (file_read(path, &text, NULL, err) < 0)
		return -1;
	depfile_parse(deps, text, dir);
	free(text);
	return 0;
}
