/* SPDX-License-Identifier: MIT
 *
 * See cc-response.h. The words of a record come from here too: a build system
 * removes its response files, so what they held must be in the record.
 */
#include "watcher/cc-response.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

/* Linux: one word may have 128 KB; all together a quarter of the stack's
 * limit, environment included. */
#define WORD_MAX (100u << 10)
#define TOTAL_MAX (512u << 10)

/* Takes one word from *P. A backslash counts within either quotes: so clang
 * has it, unlike a shell. */
static char *word_take(const char **p)
{
	struct text t = {0};
	char quote = '\0';

	for (; **p; ++*p) {
		char c = **p;

		if (!quote && isspace((unsigned char)c))
			break;
		if (c == '\\' && (*p)[1]) {
			++*p;
			text_add(&t, *p, 1);
		} else if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
		} else {
			text_add(&t, &c, 1);
		}
	}
	return text_take(&t);
}

static void words_split(struct strv *out, const char *p)
{
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (!*p)
			return;
		strv_add_own(out, word_take(&p));
	}
}

/* The files that are being read, innermost first. */
struct reading {
	const char *path;
	const struct reading *outer;
};

static bool is_reading(const struct reading *r, const char *path)
{
	for (; r; r = r->outer)
		if (!strcmp(r->path, path))
			return true;
	return false;
}

static void expand(struct strv *out, char *const *words,
		   const struct reading *outer)
{
	for (; *words; words++) {
		const char *path = *words + 1;
		struct reading r = {path, outer};
		struct strv inner = {0};
		char *data;

		if ((*words)[0] != '@' || is_reading(outer, path) ||
		    file_read(path, &data, NULL, NULL) < 0) {
			strv_add(out, *words);
			continue;
		}
		words_split(&inner, data);
		if (inner.v)
			expand(out, inner.v, &r);
		strv_free(&inner);
		free(data);
	}
}

void response_expand(struct strv *out, char *const *words)
{
	expand(out, words, NULL);
}

static bool too_long(const struct strv *argv)
{
	size_t total = 0;

	for (size_t i = 0; i < argv->n; i++) {
		size_t n = strlen(argv->v[i]);

		total += n + 1 + sizeof(char *);
		if (n > WORD_MAX || total > TOTAL_MAX)
			return true;
	}
	return false;
}

static void word_quote(struct text *t, const char *s)
{
	text_puts(t, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_puts(t, "\\");
		text_add(t, s, 1);
	}
	text_puts(t, "\"\n");
}

int response_shorten(struct strv *argv, const char *path, char **err)
{
	struct text t = {0};
	char *first;
	int r;

	if (!too_long(argv))
		return 0;
	for (size_t i = 1; i < argv->n; i++)
		word_quote(&t, argv->v[i]);
	r = file_write(path, t.s, t.len, err);
	text_free(&t);
	if (r < 0)
		return -1;
	first = xstrdup(argv->v[0]);
	strv_free(argv);
	strv_add_own(argv, first);
	strv_add_own(argv, xasprintf("@%s", path));
	return 1;
}
