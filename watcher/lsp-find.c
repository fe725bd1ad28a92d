/* SPDX-License-Identifier: MIT
 *
 * Where a source defines a name (lsp_find of lsp-text.h): a refusal names a
 * variable or a function, and an editor needs a line of the file that was just
 * saved. Debug information knows that of what was compiled, but the new object
 * was refused and the old one's line is of the text before the edit.
 *
 * Lexing C is enough for this: comments, strings, preprocessor lines, braces.
 */
#include "watcher/lsp-text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct lexer {
	const char *s;
	unsigned line;
	int depth;  /* of braces */
	bool begun; /* something stood on this line */
};

/* Over a comment, a string or a preprocessor line, up to END; lines that end
 * in a backslash go on. */
static void skip_to(struct lexer *x, const char *end)
{
	size_t n = strlen(end);

	while (*x->s && strncmp(x->s, end, n) != 0) {
		if (*x->s == '\\' && x->s[1] && n == 1)
			x->s++;
		x->line += *x->s == '\n';
		x->s++;
	}
	if (*end != '\n' && *x->s)
		x->s += n;
}

/* True if something that is no word was passed. */
static bool skip(struct lexer *x)
{
	char quote[2] = {*x->s, '\0'};

	if (*x->s == '\n') {
		x->line++;
		x->begun = false;
		x->s++;
	} else if (isspace((unsigned char)*x->s)) {
		x->s++;
	} else if (!strncmp(x->s, "//", 2) || (*x->s == '#' && !x->begun)) {
		skip_to(x, "\n");
	} else if (!strncmp(x->s, "/*", 2)) {
		x->s += 2;
		skip_to(x, "*/");
	} else if (*quote == '"' || *quote == '\'') {
		x->s++;
		skip_to(x, quote);
	} else if (isalnum((unsigned char)*x->s) || *x->s == '_') {
		return false;
	} else {
		x->depth += (*x->s == '{') - (*x->s == '}');
		x->begun = true;
		x->s++;
	}
	return true;
}

unsigned lsp_find(const struct lsp_file *f, const char *name)
{
	struct lexer x = {.s = f->data ? f->data : "", .line = 1};
	size_t len = strlen(name), n;
	unsigned first = 0;

	while (*x.s) {
		if (skip(&x))
			continue;
		for (n = 0; isalnum((unsigned char)x.s[n]) || x.s[n] == '_';)
			n++;
		if (n == len && !strncmp(x.s, name, n)) {
			first = first ? first : x.line;
			if (x.depth == 0)
				return x.line;
		}
		x.begun = true;
		x.s += n;
	}
	return first;
}
