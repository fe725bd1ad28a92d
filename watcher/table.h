/* SPDX-License-Identifier: MIT
 *
 * Columns that line up.
 *
 *   struct table t;
 *   table_init(&t, (const char *const[]){"PID", "NAME", NULL});
 *   table_cell(&t, UI_NAME, "%d", pid);       row by row, left to right
 *   table_cell(&t, UI_PLAIN, "%s", name);
 *   table_put(&text, &ui, &t);
 *   table_free(&t);
 */
#ifndef WATCHER_TABLE_H
#define WATCHER_TABLE_H

#include "watcher/ui.h"

struct table {
	const char *const *heads; /* NULL-terminated; stays the caller's */
	size_t columns;
	struct strv cells;
	enum ui_style *styles; /* one a cell */
	size_t nstyles;
};

void table_init(struct table *t, const char *const *heads);
void table_cell(struct table *t, enum ui_style style, const char *fmt, ...)
    PRINTF(3, 4);
/* Appends the heads and the rows; "-" stands for an empty cell. */
void table_put(struct text *out, const struct ui *ui, const struct table *t);
void table_free(struct table *t);

#endif
