/* SPDX-License-Identifier: MIT
 *
 * See ui.h. Only the eight colours that every terminal and every theme has
 * are used, and never black or white, which vanish on half of them.
 */
#include "watcher/ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const char *const sgr[] = {
    [UI_PLAIN] = "",        [UI_NAME] = "\033[1m",  [UI_DIM] = "\033[2m",
    [UI_GOOD] = "\033[32m", [UI_WARN] = "\033[33m", [UI_BAD] = "\033[1;31m",
};

static const char *const color_words[] = {
    [UI_AUTO] = "auto", [UI_ALWAYS] = "always", [UI_NEVER] = "never"};

int ui_color_parse(enum ui_color *color, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(color_words); i++)
		if (!strcmp(word, color_words[i])) {
			*color = i;
			return 0;
		}
	return -1;
}

static bool wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void ui_resize(struct ui *ui, int fd)
{
	struct winsize size;

	if (ui->width > 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		ui->width = size.ws_col;
}

void ui_open(struct ui *ui, int fd, enum ui_color color)
{
	const char *term = getenv("TERM");

	*ui = (struct ui){0};
	if (isatty(fd)) {
		ui->terminal = term && *term && strcmp(term, "dumb") != 0;
		ui->width = 80;
		ui_resize(ui, fd);
	}
	ui->color = color == UI_ALWAYS ||
		    (color == UI_AUTO && ui->terminal && wants_color());
}

static void put_safe(struct text *t, const char *s)
{
	for (; *s; s++) {
		unsigned char c = *s;

		if (c < ' ' || c == 0x7f)
			text_puts(t, "?");
		else
			text_add(t, s, 1);
	}
}

void ui_put(struct text *t, const struct ui *ui, enum ui_style style,
	    const char *fmt, ...)
{
	bool colored = ui->color && style != UI_PLAIN;
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	if (!s)
		return;
	text_puts(t, colored ? sgr[style] : "");
	put_safe(t, s);
	text_puts(t, colored ? "\033[0m" : "");
	free(s);
}

size_t ui_columns(const char *s)
{
	size_t n = 0;

	while (*s) {
		if (s[0] == '\033' && s[1] == '[') {
			s += 2 + strcspn(s + 2, "mK");
			s += *s != '\0';
			continue;
		}
		/* of a character in UTF-8, count the first byte */
		n += (*s & 0xc0) != 0x80;
		s++;
	}
	return n;
}

char *ui_ago(int64_t then, int64_t now)
{
	static const struct {
		int64_t below, unit; /* seconds */
		const char *one, *many;
	} units[] = {
	    {60, 1, "s", "s"},
	    {3600, 60, "min", "min"},
	    {86400, 3600, "h", "h"},
	    {INT64_MAX, 86400, "day", "days"},
	};
	int64_t s = (now - then) / 1000, n;
	size_t i = 0;

	if (s < 1)
		return xstrdup("just now");
	while (s >= units[i].below)
		i++;
	n = s / units[i].unit;
	return xasprintf("%lld %s ago", (long long)n,
			 n == 1 ? units[i].one : units[i].many);
}

char *ui_ms(double ms)
{
	if (ms >= 0.05 && ms < 9.95)
		return xasprintf("%.1f", ms);
	return xasprintf("%.0f", ms);
}

char *ui_duration(double ms)
{
	long s = (long)(ms / 1000);
	char *n, *text;

	if (ms >= 60e3)
		return xasprintf("%ld min %ld s", s / 60, s % 60);
	if (ms >= 9999.5)
		return xasprintf("%.1f s", ms / 1000);
	n = ui_ms(ms);
	text = xasprintf("%s ms", n);
	free(n);
	return text;
}

int64_t ui_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}
