/* SPDX-License-Identifier: MIT
 *
 * How text for a person looks: colours, widths, times. Nothing here prints:
 * all is appended to a text, so that it can be tested and written at once.
 *
 * Colours carry no meaning that the words do not carry too.
 */
#ifndef WATCHER_UI_H
#define WATCHER_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watcher/util.h"

enum ui_color {
	UI_AUTO,
	UI_ALWAYS,
	UI_NEVER
};

enum ui_style {
	UI_PLAIN,
	UI_NAME,
	UI_DIM,
	UI_GOOD,
	UI_WARN,
	UI_BAD
};

/* One stream's abilities. */
struct ui {
	bool color;
	bool terminal; /* its cursor can be moved */
	int width;     /* columns; 0: no limit (not a terminal) */
};

/* -1: not a word for it. */
int ui_color_parse(enum ui_color *color, const char *word);

/*
 * UI_AUTO colours a terminal, unless NO_COLOR is set and not empty
 * (no-color.org) or TERM is dumb.
 */
void ui_open(struct ui *ui, int fd, enum ui_color color);

/* Asks the terminal for its width anew. */
void ui_resize(struct ui *ui, int fd);

/* Appends text in a style. Control characters that would act on the
 * terminal, line ends among them, are shown as '?'. */
void ui_put(struct text *t, const struct ui *ui, enum ui_style style,
	    const char *fmt, ...) PRINTF(4, 5);

/* Columns that S takes on a terminal; colours take none. */
size_t ui_columns(const char *s);

/* "3 s ago", "5 min ago", "2 h ago", "3 days ago"; times in Unix ms. */
char *ui_ago(int64_t then, int64_t now);

/* "0.4", "2.1", "182" ms without the unit. */
char *ui_ms(double ms);
/* "182 ms", "12.3 s", "2 min 5 s". */
char *ui_duration(double ms);

int64_t ui_now(void); /* Unix ms */

#endif
