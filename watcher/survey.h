/* SPDX-License-Identifier: MIT
 *
 * The targets that run, asked directly: what a command line shows when no
 * watcher runs, and how a command finds the project of a process. Blocks for
 * at most a moment for each target. (targets.h finds them for the engine, on
 * its loop.)
 */
#ifndef WATCHER_SURVEY_H
#define WATCHER_SURVEY_H

#include <stdbool.h>

struct ask_question;
struct cJSON;
struct client_error;

/*
 * An array with what each target that could be reached said to code/hello,
 * and "name" (of its program) and "socket" besides. ROOT: only of this
 * project; NULL: all. WANTED: only this pid or name; NULL: all. Targets that
 * did not answer are left out and counted in *silent (may be NULL).
 */
struct cJSON *survey_targets(const char *root, const char *wanted, int *silent);

/* PID or name, as --target takes it, of an object with "pid" and "program"
 * or "name". WANTED NULL: any. */
bool survey_is(const struct cJSON *target, const char *wanted);

/* What the target SAID to code/hello is asked. 0 and *result, or as
 * client_call. */
int survey_ask(const struct cJSON *hello, const char *method,
	       struct cJSON *params, int limit_ms, struct cJSON **result,
	       struct client_error *e);

/* Its "modules" of code/allLoaded; the caller frees. */
struct cJSON *survey_loaded(const struct cJSON *hello);

/* The members that the answers about a target begin with. */
struct cJSON *survey_describe(const struct cJSON *hello);

/* The results of watch/status and watch/modules, and of watch/holders and its
 * kin (survey-order.c), as far as FOUND (of survey_targets) can tell. The
 * caller frees. */
struct cJSON *survey_status(const struct cJSON *found, const char *root,
			    const struct ask_question *q);
struct cJSON *survey_modules(const struct cJSON *found, const char *root,
			     const struct ask_question *q);
struct cJSON *survey_order(const struct cJSON *found, const char *root,
			   const struct ask_question *q);

#endif
