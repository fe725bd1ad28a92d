/* SPDX-License-Identifier: MIT
 *
 * Where a source defines a name (lsp_find of lsp-text.h): a refusal names a
 * variable or a function, and an editor needs a line of the file that was just
 * saved. Debug information knows that of what was compiled, but the new object
 * was refused and the old one's line is of the text before the edit.
 *
 * Lexing C is enough for this: comments, strings, preprocessor lines, braces. A
 * definition outside of braces is what is looked for; a prototype, an extern, a
 * parameter of the same name come before it in many files, and are taken only
 * if there is nothing better.
 */
#include "watcher/lsp-text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct lexer {
	const char *s;
	unsigned line;
	int depth; /* of braces */
	int parens;
	bool begun;     /* something stood on this line */
	bool is_extern; /* so began what stands here */
	char before[2]; /* the last two that were no word nor blank */
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

static void skip_sign(struct lexer *x)
{
	char c = *x->s++;

	x->depth += (c == '{') - (c == '}');
	x->parens += (c == '(') - (c == ')');
	if (strchr(";{}", c))
		x->is_extern = false;
	x->before[0] = x->before[1];
	x->before[1] = c;
	x->begun = true;
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
		skip_sign(x);
	}
	return true;
}

static bool is_prototype(const char *after)
{
	after += strspn(after, " \t\n");
	if (*after != '(')
		return false;
	after = strpbrk(after, "{;");
	return after && *after == ';';
}

/* How much of a definition it is what stands before AFTER; the best is 4. */
static int rank(const struct lexer *x, const char *after)
{
	bool pointer = x->before[0] == '(' && x->before[1] == '*';

	if (x->depth > 0)
		return 1;
	if (x->parens > pointer) /* "int (*name)(void)" is a variable */
		return 2;
	return x->is_extern || is_prototype(after) ? 3 : 4;
}

unsigned lsp_find(const struct lsp_file *f, const char *name)
{
	struct lexer x = {.s = f->data ? f->data : "", .line = 1};
	size_t len = strlen(name), n;
	unsigned line = 0;
	int best = 0, is;

	while (*x.s) {
		if (skip(&x))
			continue;
		for (n = 0; isalnum((unsigned char)x.s[n]) || x.s[n] == '_';)
			n++;
		if (n == len && !strncmp(x.s, name, n) &&
		    (is = rank(&x, x.s + n)) > best) {
			best = is;
			line = x.line;
		}
		x.is_extern |= !strncmp(x.s, "extern", 6) && n == 6;
		x.begun = true;
		x.s += n;
	}
	return line;
}
