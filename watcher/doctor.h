/* SPDX-License-Identifier: MIT
 *
 * What hotwatch doctor looks at: tables of examinations, each of one thing
 * that could keep a reload from working. None of them changes anything but
 * the runtime folder, which is made; none starts a watcher.
 */
#ifndef WATCHER_DOCTOR_H
#define WATCHER_DOCTOR_H

#include "watcher/util.h"

struct cJSON;

enum verdict {
	VERDICT_NONE, /* does not apply here */
	VERDICT_OK,
	VERDICT_WARN, /* works, but not as well as it could */
	VERDICT_FAIL  /* reloads will not work */
};

struct finding {
	enum verdict verdict;
	char *what; /* what was found */
	char *next; /* what to do about it; NULL: nothing */
};

struct patient {
	char *root;            /* the project's, or NULL */
	char *program;         /* its path, as asked for, or NULL */
	struct cJSON *targets; /* of survey_targets */
	int silent;            /* that did not answer */
};

struct examination {
	const char *name; /* NULL ends a table */
	void (*look)(const struct patient *p, struct finding *f);
};

extern const struct examination doctor_machine[], doctor_project[];

/* Fills F in. NEXT may be NULL. */
void finding_set(struct finding *f, enum verdict verdict, const char *next,
		 const char *fmt, ...) PRINTF(4, 5);

#endif
