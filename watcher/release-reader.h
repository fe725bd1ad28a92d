/* SPDX-License-Identifier: MIT
 *
 * What release-read.c and release-step.c share: where in the text the reader
 * is, and how it complains.
 */
#ifndef WATCHER_RELEASE_READER_H
#define WATCHER_RELEASE_READER_H

#include "watcher/release.h"

struct cJSON;

struct release_reader {
	struct release *r;
	const char *text;
	const char *at;    /* in the text: what is being read */
	const char *where; /* "up[2]", "to"; "" is the whole */
	char **err;
};

/* All -1, with the file and the line of AT, or of the member KEY. */
int reader_wrong(const struct release_reader *rd, const char *at,
		 const char *fmt, ...) PRINTF(3, 4);
int reader_wrong_key(const struct release_reader *rd, const char *key,
		     const char *wanted);
int reader_unknown_key(const struct release_reader *rd, const char *key,
		       const char *known);

/* A text; 0 or -1. */
int reader_text(const struct release_reader *rd, const char *key,
		const struct cJSON *v, char **out);

/* One instruction, at rd->at. */
int reader_step(const struct release_reader *rd, struct release_step *s,
		const struct cJSON *v);

#endif
