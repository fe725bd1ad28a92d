/* SPDX-License-Identifier: MIT
 *
 * What a compiler or linker said, as places in files: "file:line:column:
 * severity: message" lines picked out of its output. The text itself is kept
 * beside them by the caller: it is what a terminal shows, these are what an
 * editor shows.
 */
#ifndef WATCHER_DIAGNOSTICS_H
#define WATCHER_DIAGNOSTICS_H

#include <stddef.h>

#include "watcher/fixit.h"

struct cJSON;

struct diagnostic {
	char *file;            /* absolute; NULL: the tool named no file */
	unsigned line, column; /* from 1; 0: not named */
	char *severity;        /* "error", "warning", "note" */
	char *message;
	struct fixits fixits; /* what to write instead */
};

struct diagnostics {
	struct diagnostic *v;
	size_t n;
};

/*
 * Adds what OUTPUT says to D. Names are resolved against DIR. Lines that name
 * no place but say "error:" are taken without a file. What was there stays.
 */
void diagnostics_parse(struct diagnostics *d, const char *output,
		       const char *dir);
/* Adds copies of what TO does not have yet; how many errors and warnings (not
 * notes) they were. */
size_t diagnostics_merge(struct diagnostics *to,
			 const struct diagnostics *from);
/*
 * Takes out of D what is in OLD, place by place: a text of OLD stands for one
 * of the same file and message in D, wherever its line has moved to.
 */
void diagnostics_subtract(struct diagnostics *d, const struct diagnostics *old);

/* Of OUTPUT what has to do with errors: without the warnings, their notes and
 * their quoted lines. malloc'd. */
char *diagnostics_errors(const char *output);

/* Takes the lines for machines out of OUTPUT, in place: nobody is shown them.
 */
void diagnostics_readable(char *output);

void diagnostics_free(struct diagnostics *d);

/* [{file, line, column, severity, message, fixits?}...] */
struct cJSON *diagnostics_json(const struct diagnostics *d);

#endif
