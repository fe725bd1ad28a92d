/* SPDX-License-Identifier: MIT
 *
 * What became of variables (state-notes.h), on the terminal.
 */
#ifndef WATCHER_REPORT_STATE_H
#define WATCHER_REPORT_STATE_H

struct cJSON;
struct text;
struct ui;

/* A line for each note that a target of EVENT has. */
void report_state(struct text *t, const struct ui *ui,
		  const struct cJSON *event);

#endif
