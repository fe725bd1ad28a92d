/* SPDX-License-Identifier: MIT
 *
 * What report.c says of old code (report-held.c), as report_event does.
 */
#ifndef WATCHER_REPORT_HELD_H
#define WATCHER_REPORT_HELD_H

#include "watcher/ui.h"

struct cJSON;

void report_held(struct text *t, const struct ui *ui, const struct cJSON *event,
		 bool brief);
void report_purged(struct text *t, const struct ui *ui,
		   const struct cJSON *event, bool brief);
void report_exited(struct text *t, const struct ui *ui,
		   const struct cJSON *event, bool brief);

#endif
