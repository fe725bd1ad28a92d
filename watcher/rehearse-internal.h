/* SPDX-License-Identifier: MIT
 *
 * What rehearse.c and rehearse-find.c share: a rehearsal as it goes on.
 */
#ifndef WATCHER_REHEARSE_INTERNAL_H
#define WATCHER_REHEARSE_INTERNAL_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <time.h>

#include "watcher/rehearse.h"
#include "watcher/symbolize.h"

#define STEPS 3 /* up, down, up */

struct play {
	const struct rehearsal *h;
	struct guard guard;
	struct work work;
	cJSON *found; /* the target, as survey_targets tells */
	int pid;
	unsigned steps; /* made so far; the next is down if it is odd */
	bool asked;     /* the command asks for steps */
	bool over;      /* something was found after which nothing can be */
	struct symbolizer *symbols;
};

extern const struct timespec play_nap;
int64_t play_now(void); /* ms */

/* --- rehearse-find.c ------------------------------------------------------ */

/* When it is: "on the old code", "after the upgrade" ... */
const char *play_when(const struct play *p);
/* Adds a finding; MESSAGE is consumed. FILE may be NULL. */
void play_found(struct play *p, enum check_rule_id rule, const char *module,
		const char *symbol, const char *file, int line, char *message);
/* The program is gone: why, and where, as far as it is known. It is over. */
void play_gone(struct play *p);
/* Whoever still holds what was replaced, past the deadline. */
void play_holders(struct play *p);

#endif
