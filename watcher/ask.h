/* SPDX-License-Identifier: MIT
 *
 * What the commands that ask and print have in common: finding whom to ask,
 * and printing an answer or a failure for a person or as JSON.
 */
#ifndef WATCHER_ASK_H
#define WATCHER_ASK_H

#include "watcher/client.h"
#include "watcher/options.h"
#include "watcher/ui.h"

struct cJSON;

/*
 * Prints a failure: on stderr "hotwatch COMMAND: REASON: message", with
 * --json also {"error": {"reason", "message"}} on stdout. Returns STATUS.
 */
int ask_fail(const struct options *o, int status, const char *reason,
	     const char *fmt, ...) PRINTF(4, 5);

/* The line on stderr alone. */
void ask_complain(const struct options *o, const char *reason, const char *s);

/* The exit status that belongs to a reason. */
int ask_status(const char *reason);

void ask_print(struct text *t);                /* to stdout, and frees it */
void ask_print_json(const struct cJSON *json); /* one line on stdout */

/* Finds the project of O (its --target, or the current folder) and attaches
 * to its watcher. 0, or the exit status, the failure printed. */
int ask_attach(const struct options *o, struct client **c,
	       client_notified *notified, void *arg);

/* What the project's watcher is asked; if none runs, DIRECT makes the answer
 * from the targets of the project (or all, if the current folder is in none),
 * which survey_targets FOUND. */
struct ask_question {
	const char *method;
	const struct cJSON *params; /* may be NULL */
	int limit_ms;               /* it may take so much longer than ever */
	struct cJSON *(*direct)(const struct cJSON *found, const char *root,
				const struct ask_question *q);
};

/*
 * Only targets that --target names are left in the answer's "targets". NULL:
 * failed, printed, *status set.
 */
struct cJSON *ask_watcher(const struct options *o, const struct ask_question *q,
			  int *status);

/* Writes what is shown of an answer, or of one target in it. */
typedef void ask_put(struct text *out, const struct ui *ui,
		     const struct cJSON *json);

/* Asks Q and shows the answer: as it is with --json, else what PUT writes. The
 * exit status. */
int ask_show(const struct options *o, const struct ask_question *q,
	     ask_put *put);

/* The "targets" of ANSWER: of each its pid and name, then what PUT_ONE writes,
 * or why it gave no answer. */
void ask_put_targets(struct text *out, const struct ui *ui,
		     const struct cJSON *answer, ask_put *put_one);

/* A module as a user names it; the name of a file becomes its absolute path.
 * malloc'd. */
char *ask_module_name(const char *word);

/* Whether the module NAME with the source SOURCE is what WORD (made by
 * ask_module_name) means: 2 exactly, 1 by its last part, 0 not. */
int ask_module_is(const char *name, const char *source, const char *word);

#endif
