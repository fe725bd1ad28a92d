/* SPDX-License-Identifier: MIT
 *
 * See screen.h. Two kinds of terminal are served. One that is ours: a build
 * shows its progress in a line that is drawn over, and the result replaces
 * it. One that a program shares with us (`hotwatch run`): nothing is drawn
 * over, because its prompt or its text may stand there; a build that takes
 * long is told by lines of its own, and before each of our lines the cursor
 * is brought to a fresh line, wherever the program left it.
 *
 * Every piece is written by one write, so that a program's output does not
 * get between.
 */
#include "watcher/screen.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "watcher/jsonget.h"
#include "watcher/report.h"

#define SLOW_MS 1000  /* a build that takes longer is told of */
#define WRITE_MS 1000 /* for a terminal that is held (control-S) */
#define AGAIN_MS 5000 /* and again each so often */

/* --- writing ------------------------------------------------------------- */

/*
 * Brings the cursor to the start of an empty line without knowing where it
 * is: as many spaces as the terminal is wide stay on the line if the cursor
 * is at its start (the wrap is pending only), and else end on the next one.
 */
static void put_fresh_line(struct text *t, struct screen *s)
{
	ui_resize(&s->ui, s->fd); /* the window may have changed */
	text_printf(t, "%*s\r\033[K", s->ui.width, "");
}

/* A program may have switched off the terminal's "\n" to "\r\n". */
static bool output_is_raw(int fd)
{
	struct termios tio;

	return tcgetattr(fd, &tio) == 0 && !(tio.c_oflag & OPOST);
}

static void put_raw(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			text_puts(t, "\r");
		text_add(t, s, 1);
	}
}

/* A program may have made the terminal, which is ours too, non-blocking. */
static bool wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, WRITE_MS) > 0;
}

static void write_out(int fd, const struct text *t)
{
	size_t done = 0;

	while (done < t->len) {
		ssize_t n = write(fd, t->s + done, t->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && wait_writable(fd))
			continue;
		if (n <= 0)
			return; /* nobody to tell */
		done += n;
	}
}

/* Writes LINES, over the progress line if there is one. */
static void print_lines(struct screen *s, const struct text *lines)
{
	struct text t = {0};

	if (!lines->len)
		return;
	if (s->ui.terminal && s->shared)
		put_fresh_line(&t, s);
	else if (s->drawn)
		text_puts(&t, "\r\033[K");
	s->drawn = false;
	if (s->ui.terminal && output_is_raw(s->fd))
		put_raw(&t, lines->s);
	else
		text_puts(&t, lines->s);
	write_out(s->fd, &t);
	text_free(&t);
}

void screen_say(struct screen *s, enum ui_style style, const char *fmt, ...)
{
	struct text t = {0};
	va_list ap;
	char *said;

	va_start(ap, fmt);
	if (vasprintf(&said, fmt, ap) < 0)
		said = xstrdup(fmt);
	va_end(ap);
	report_head(&t, &s->ui);
	ui_put(&t, &s->ui, style, "%s", said);
	text_puts(&t, "\n");
	print_lines(s, &t);
	text_free(&t);
	free(said);
}

/* --- progress ------------------------------------------------------------ */

/* "building src/server" or "building (3 of 12 done) src/a, src/b and 10 more"
 */
static char *progress_text(const cJSON *event)
{
	static const struct ui plain = {0};
	int total = json_int(event, "total", 0);
	struct text t = {0};

	text_puts(&t, "building ");
	if (total > 1)
		text_printf(&t, "(%d of %d done) ", json_int(event, "done", 0),
			    total);
	report_modules(&t, &plain, event);
	return text_take(&t);
}

/* Draws the progress line over the one before; cut, so that it never wraps. */
static void draw_progress(struct screen *s)
{
	int room = s->ui.width - (int)strlen("hotwatch: ") - 1;
	struct text t = {0};

	text_puts(&t, "\r\033[K");
	ui_put(&t, &s->ui, UI_DIM, "hotwatch: %.*s", room > 0 ? room : 0,
	       s->now);
	write_out(s->fd, &t);
	s->drawn = true;
	text_free(&t);
}

static void still_building(uv_timer_t *timer)
{
	struct screen *s = timer->data;

	screen_say(s, UI_DIM, "%s ...", s->now);
}

static void progress(struct screen *s, const cJSON *event)
{
	bool first = !s->building;

	s->building = true;
	free(s->now);
	s->now = progress_text(event);
	if (!s->ui.terminal || s->json)
		return;
	if (!s->shared)
		draw_progress(s);
	else if (first)
		uv_timer_start(&s->slow, still_building, SLOW_MS, AGAIN_MS);
}

void screen_clear(struct screen *s)
{
	s->building = false;
	free(s->now);
	s->now = NULL;
	uv_timer_stop(&s->slow);
	if (s->drawn)
		write_out(s->fd, &(struct text){.s = "\r\033[K", .len = 4});
	s->drawn = false;
}

/* --- events -------------------------------------------------------------- */

static void print_json(struct screen *s, const cJSON *event)
{
	char *line = cJSON_PrintUnformatted(event);
	struct text t = {0};

	if (!line)
		return;
	text_puts(&t, line);
	text_puts(&t, "\n");
	write_out(s->fd, &t);
	text_free(&t);
	cJSON_free(line);
}

static void print_report(struct screen *s, const cJSON *event)
{
	struct text t = {0}, lines = {0};

	report_event(&t, &s->ui, event, false);
	if (t.len) {
		report_head(&lines, &s->ui);
		text_add(&lines, t.s, t.len);
	}
	print_lines(s, &lines);
	text_free(&lines);
	text_free(&t);
}

static bool ends_build(const char *kind)
{
	static const char *const ends[] = {"live", "error", "refused",
					   "unchanged"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(kind, ends[i]))
			return true;
	return false;
}

void screen_event(struct screen *s, const cJSON *event, bool shown)
{
	const char *kind = json_str(event, "kind");

	if (!strcmp(kind, "building"))
		progress(s, event);
	else if (ends_build(kind))
		screen_clear(s);
	if (shown && s->json)
		print_json(s, event);
	else if (shown && (!s->quiet || report_is_failure(event)))
		print_report(s, event);
}

void screen_open(struct screen *s, uv_loop_t *loop)
{
	uv_timer_init(loop, &s->slow);
	s->slow.data = s;
}

void screen_close(struct screen *s)
{
	screen_clear(s);
	uv_close((uv_handle_t *)&s->slow, NULL);
}
