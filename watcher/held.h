/* SPDX-License-Identifier: MIT
 *
 * Who holds old code, for a person: the names that belong to what a target
 * says in addresses (holders, docs/architecture.md), and the words for it.
 *
 * held_name gives each holder, in place:
 *	frame    function, file, line; inlined_into (the function that it was
 *	         inlined into); in "frames" each frame the same, and one more
 *	         entry with "inlined" for each inlined function
 *	pointer  variable (the one it lies in), points_to
 *	looping  hint: what to write so that the loop moves on
 * What cannot be named stays as it is. Any thread; the symbolizer is used.
 */
#ifndef WATCHER_HELD_H
#define WATCHER_HELD_H

#include "watcher/symbolize.h"
#include "watcher/util.h"

#include <stdbool.h>

struct cJSON;

/* Names every holder anywhere in ANSWER. LOADED: the "modules" of
 * code/allLoaded, in which the versions' files stand; may be NULL. */
void held_name(struct symbolizer *s, struct cJSON *answer,
	       const struct cJSON *loaded);

bool held_is_holder(const struct cJSON *o);

/* How many versions in LOADED are still there and not current. */
int held_old(const struct cJSON *loaded);

/* --- words (held-words.c) --- */

/* "main thread", "thread bio_aof (4713)", "process 3 (counter)". PID is the
 * target's. Nothing for a pointer that is in no stack. */
void held_who(struct text *t, const struct cJSON *holder, int pid);

/* "main (server.c:7120)", of anything with function, file and line. */
void held_place(struct text *t, const struct cJSON *o);

/* "main (server.c:7120)", "handlers[2].fn -> increment". */
void held_where(struct text *t, const struct cJSON *holder);

/* Both: "main thread in main (server.c:7120)". */
void held_phrase(struct text *t, const struct cJSON *holder, int pid);

/* The first holders of HOLDERS in one phrase: "main thread in main
 * (server.c:7120) and 2 more". */
void held_phrases(struct text *t, const struct cJSON *holders, int pid);

/* What became of a version: "purged in pid 4711: 64 kB unmapped, 8 kB stay:
 * handlers still points there"; FATE as docs/architecture.md has it. */
void held_fate(struct text *t, const struct cJSON *fate, int pid);

/* "64 kB", "1.2 MB". */
char *held_size(double bytes);

#endif
