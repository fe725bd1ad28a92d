/* SPDX-License-Identifier: MIT
 *
 * Events (docs/architecture.md, "The watcher") as text for a person. This is
 * the one place that words them: run, watch, load and log all print what
 * report_event makes.
 */
#ifndef WATCHER_REPORT_H
#define WATCHER_REPORT_H

#include <stdbool.h>

#include "watcher/ui.h"

struct cJSON;

/* "hotwatch: ", which begins every first line on a program's terminal. */
void report_head(struct text *t, const struct ui *ui);

/*
 * Appends whole lines: what happened, then what a compiler said and what
 * single targets said. Nothing for an event that is not worth a line
 * ("building"). BRIEF: the first line only.
 */
void report_event(struct text *t, const struct ui *ui,
		  const struct cJSON *event, bool brief);

/* "src/server", "src/server and src/networking", "src/server, src/networking
 * and 4 more". */
void report_modules(struct text *t, const struct ui *ui,
		    const struct cJSON *event);

/* Whether an event tells of something that did not work. */
bool report_is_failure(const struct cJSON *event);

#endif
