/* SPDX-License-Identifier: MIT
 *
 * From the compiler's places to an editor's: paths as URIs, bytes as UTF-16
 * code units. Any thread.
 */
#ifndef WATCHER_LSP_TEXT_H
#define WATCHER_LSP_TEXT_H

#include <stddef.h>

struct cJSON;

/* "file:///a%20b" <-> "/a b". malloc'd; NULL if URI is of no file. */
char *lsp_uri(const char *path);
char *lsp_path(const char *uri);

/* A file's content, by lines; all zero is an empty file. */
struct lsp_file {
	char *data;
	const char **lines; /* each ends at '\n' or NUL */
	size_t n;
};

/* One that cannot be read is empty. */
void lsp_file_read(struct lsp_file *f, const char *path);
void lsp_file_parse(struct lsp_file *f, char *data); /* takes DATA */
void lsp_file_free(struct lsp_file *f);

/*
 * The LSP position of the BYTE (from 0) in LINE (from 0). A line that the file
 * does not have gives its column as it is: it was another file then.
 */
struct cJSON *lsp_position(const struct lsp_file *f, unsigned line,
			   unsigned byte);

/* The range of the word at LINE and COLUMN, both from 1; of the whole line but
 * its indent if COLUMN is 0. LINE 0 is taken as 1. */
struct cJSON *lsp_range(const struct lsp_file *f, unsigned line,
			unsigned column);

/* The range from one place to another, from 1, the end not in it. */
struct cJSON *lsp_span(const struct lsp_file *f, unsigned line, unsigned column,
		       unsigned end_line, unsigned end_column);

/*
 * The line (from 1) where C source defines NAME, as far as can be told without
 * a compiler: outside of braces, and no prototype, extern or parameter; else
 * the best of these that is mentioned first; 0 if there is none. Comments,
 * strings and preprocessor lines are not looked at.
 */
unsigned lsp_find(const struct lsp_file *f, const char *name);

#endif
