/* SPDX-License-Identifier: MIT
 *
 * Where events are printed as they come: a terminal of our own, one that a
 * program shares with us, or a file. Loop thread only.
 */
#ifndef WATCHER_SCREEN_H
#define WATCHER_SCREEN_H

#include <stdbool.h>
#include <uv.h>

#include "watcher/ui.h"

struct cJSON;

struct screen {
	/* Set by the caller; what is not set is zero. */
	struct ui ui;
	int fd;      /* where to print */
	bool json;   /* one event a line */
	bool quiet;  /* only what did not work */
	bool shared; /* a program writes to the same terminal */

	/* Private. */
	uv_timer_t slow; /* tells of a build that takes long */
	bool drawn;      /* a progress line stands on the terminal */
	bool building;
	char *now; /* what is being built */
};

void screen_open(struct screen *s, uv_loop_t *loop);
void screen_close(struct screen *s); /* the loop closes its handle */

/* Follows the progress of a build, and prints EVENT if it is to be SHOWN. */
void screen_event(struct screen *s, const struct cJSON *event, bool shown);

/* Takes a progress line off the terminal. */
void screen_clear(struct screen *s);

/* Prints a line of our own ("hotwatch: " is put before it). */
void screen_say(struct screen *s, enum ui_style style, const char *fmt, ...)
    PRINTF(3, 4);

#endif
