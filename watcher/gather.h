/* SPDX-License-Identifier: MIT
 *
 * One question to several targets, and all their answers together, with the
 * names of functions, lines and variables put in. What the files of the engine
 * share; nobody else includes this.
 *
 * A target that does not answer in time, or ends, has an answer that says so.
 */
#ifndef WATCHER_GATHER_H
#define WATCHER_GATHER_H

#include "watcher/engine-internal.h"

struct gather;

/*
 * ANSWERS: an array of {pid, ok, result} or {pid, ok, error: {reason,
 * message, ...}}, with `module` if the question's params have one, in the order
 * of the questions; the callee's. NULL: the engine closes. Called once, never
 * from within gather_ask.
 */
typedef void gather_done(struct engine *e, struct cJSON *answers, void *arg);

struct gather *gather_new(struct engine *e, unsigned limit_ms,
			  gather_done *done, void *arg);
/* PARAMS is consumed. */
void gather_ask(struct gather *g, struct peer *p, const char *method,
		struct cJSON *params);
void gather_go(struct gather *g); /* all was asked */

#endif
