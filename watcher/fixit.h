/* SPDX-License-Identifier: MIT
 *
 * What a compiler proposes to write instead, as its lines
 * fix-it:"FILE":{LINE:COLUMN-LINE:COLUMN}:"TEXT" say. Any thread.
 */
#ifndef WATCHER_FIXIT_H
#define WATCHER_FIXIT_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

struct fixit {
	char *file;                                  /* absolute */
	unsigned line, column, end_line, end_column; /* from 1; end not in it */
	char *text;
};

struct fixits {
	struct fixit *v;
	size_t n;
};

bool fixit_is(const char *line);
/* Adds what LINE says, FILE resolved against DIR; nothing if it is malformed.
 */
void fixit_parse(struct fixits *f, const char *line, const char *dir);
void fixits_copy(struct fixits *to, const struct fixits *from);
void fixits_free(struct fixits *f);
/* [{file, line, column, end_line, end_column, text}...] */
struct cJSON *fixits_json(const struct fixits *f);

#endif
