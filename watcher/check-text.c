/* SPDX-License-Identifier: MIT
 *
 * Findings for a person: a compiler's lines, which editors and terminals know
 * how to follow, each with the line of source it is about and what to do; then
 * one line of verdict. And for GitHub's workflow commands.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check.h"
#include "watcher/ui.h"
#include "watcher/util.h"

/* --- the source ----------------------------------------------------------- */

/* Line LINE of FILE, without its end, malloc'd; NULL: it is not there. */
static char *source_line(const char *file, unsigned line)
{
	char *text, *s, *found = NULL;

	if (!file || !line || file_read(file, &text, NULL, NULL) < 0)
		return NULL;
	for (s = text; --line && s;) {
		s = strchr(s, '\n');
		s = s ? s + 1 : NULL;
	}
	if (s && *s)
		found = xstrndup(s, strcspn(s, "\r\n"));
	free(text);
	return found;
}

static bool is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

/* The symbol's own name in the line; NULL: it is not there. */
static const char *name_in(const char *source, const char *symbol, size_t *n)
{
	*n = strcspn(symbol, " (");
	for (const char *s = source; *n && *s; s++)
		if (!strncmp(s, symbol, *n) && !is_word(s[*n]) &&
		    (s == source || !is_word(s[-1])))
			return s;
	return NULL;
}

/* Old text is shown with a minus, as by diff, and only if it is there: the file
 * may be the new one by now. */
static void put_source(struct text *t, const struct ui *ui,
		       const struct check_result *r,
		       const struct check_finding *f)
{
	char *file = check_text_file(r, f),
	     *source = source_line(file, f->line);
	const char *name = NULL;
	size_t n;

	free(file);
	if (source)
		name = name_in(source, f->symbol, &n);
	if (source && (name || !f->old)) {
		ui_put(t, ui, UI_DIM, "%5u %c ", f->line, f->old ? '-' : '|');
		for (char *s = source; *s; s++)
			if (*s == '\t')
				*s = ' ';
		ui_put(t, ui, UI_PLAIN, "%s", source);
		text_puts(t, "\n");
	}
	if (name) {
		ui_put(t, ui, UI_DIM, "      | ");
		text_printf(t, "%*s", (int)(name - source), "");
		ui_put(t, ui, UI_GOOD, "^");
		for (size_t i = 1; i < n; i++)
			ui_put(t, ui, UI_GOOD, "~");
		text_puts(t, "\n");
	}
	free(source);
}

/* --- findings ------------------------------------------------------------- */

static const enum ui_style styles[] = {
    [CHECK_INFO] = UI_NAME, [CHECK_WARNING] = UI_WARN, [CHECK_ERROR] = UI_BAD};

static void put_place(struct text *t, const struct ui *ui,
		      const struct check_result *r,
		      const struct check_finding *f)
{
	if (!f->file)
		ui_put(t, ui, UI_NAME, "%s: ", f->module);
	else if (!f->line)
		ui_put(t, ui, UI_NAME, "%s: ", check_shown_file(r, f->file));
	else
		ui_put(t, ui, UI_NAME, "%s:%u: ", check_shown_file(r, f->file),
		       f->line);
}

static void put_finding(struct text *t, const struct ui *ui,
			const struct check_result *r,
			const struct check_finding *f)
{
	put_place(t, ui, r, f);
	ui_put(t, ui, styles[f->severity],
	       "%s: ", check_severity_word(f->severity));
	ui_put(t, ui, UI_PLAIN, "%s ", f->message);
	ui_put(t, ui, UI_DIM, "[%s]", f->rule->id);
	text_puts(t, "\n");
	put_source(t, ui, r, f);
	if (f->was && f->is && *f->was && *f->is && strcmp(f->was, f->is)) {
		ui_put(t, ui, UI_PLAIN, "  was: %s", f->was);
		text_puts(t, "\n");
		ui_put(t, ui, UI_PLAIN, "  now: %s", f->is);
		text_puts(t, "\n");
	}
	if (f->severity == CHECK_INFO)
		return;
	ui_put(t, ui, UI_DIM, "  do: %s", f->rule->advice);
	text_puts(t, "\n");
}

static void put_count(struct text *t, size_t n, const char *word,
		      const char **before)
{
	if (!n)
		return;
	text_printf(t, "%s%zu %s%s", *before, n, word, n == 1 ? "" : "s");
	*before = ", ";
}

static void put_verdict(struct text *t, const struct ui *ui,
			const struct check_result *r)
{
	enum check_verdict v = check_result_verdict(r);
	enum ui_style style = v < VERDICT_CODE_CHANGE ? UI_GOOD : UI_BAD;
	const char *before = " (";

	ui_put(t, ui, style, "%s", check_verdict_word(v));
	text_printf(t, ": %zu module%s compared, %zu unchanged", r->compared,
		    r->compared == 1 ? "" : "s", r->unchanged);
	put_count(t, check_result_count(r, CHECK_ERROR), "error", &before);
	put_count(t, check_result_count(r, CHECK_WARNING), "warning", &before);
	put_count(t, r->nunknown, "not checked", &before);
	text_puts(t, *before == ',' ? ")\n" : "\n");
}

static void put_pauses(struct text *t, const struct check_result *r)
{
	for (size_t i = 0; i < r->npauses; i++)
		text_printf(t, "%s%s %.0f us", i ? ", " : "rehearsed; paused: ",
			    r->pauses[i].down ? "down" : "up", r->pauses[i].us);
	if (r->npauses)
		text_puts(t, "\n");
}

void check_put_text(struct text *t, const struct ui *ui,
		    const struct check_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->findings[i].suppressed)
			put_finding(t, ui, r, &r->findings[i]);
	for (size_t i = 0; i < r->nunknown; i++) {
		ui_put(t, ui, UI_NAME, "%s: ", r->unknown[i].module);
		ui_put(t, ui, UI_WARN, "could not check: ");
		ui_put(t, ui, UI_PLAIN, "%s", r->unknown[i].why);
		text_puts(t, "\n");
	}
	put_verdict(t, ui, r);
	put_pauses(t, r);
}

/* --- GitHub --------------------------------------------------------------- */

#define GITHUB_SHOWN 10 /* as many as it shows a step and kind */

/* Its escapes; in a property the separators as well. */
static void put_escaped(struct text *t, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' ||
		    (property && (*s == ':' || *s == ',')))
			text_printf(t, "%%%02X", (unsigned char)*s);
		else
			text_add(t, s, 1);
	}
}

static void put_command(struct text *t, const struct check_result *r,
			const struct check_finding *f)
{
	static const char *const commands[] = {[CHECK_INFO] = "notice",
					       [CHECK_WARNING] = "warning",
					       [CHECK_ERROR] = "error"};

	text_printf(t, "::%s ", commands[f->severity]);
	if (f->file) {
		text_puts(t, "file=");
		put_escaped(t, check_shown_file(r, f->file), true);
		text_puts(t, ",");
	}
	if (f->file && f->line && !f->old)
		text_printf(t, "line=%u,", f->line);
	text_puts(t, "title=");
	put_escaped(t, f->rule->id, true);
	text_puts(t, "::");
	put_escaped(t, f->message, false);
	text_puts(t, "; ");
	put_escaped(t, f->rule->advice, false);
	text_puts(t, "\n");
}

static void put_unknown(struct text *t, const struct check_unknown *u)
{
	text_puts(t, "::error title=could-not-check::");
	put_escaped(t, u->module, false);
	text_puts(t, ": ");
	put_escaped(t, u->why, false);
	text_puts(t, "\n");
}

/* Findings are sorted, so the worst are those that are shown; what could not
 * be checked is never cut off by them. */
void check_put_github(struct text *t, const struct check_result *r)
{
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < r->nunknown; i++) {
		if (shown++ < GITHUB_SHOWN)
			put_unknown(t, &r->unknown[i]);
		else
			more++;
	}
	for (size_t i = 0; i < r->n; i++) {
		if (r->findings[i].suppressed)
			continue;
		if (shown++ < GITHUB_SHOWN)
			put_command(t, r, &r->findings[i]);
		else
			more++;
	}
	if (more)
		text_printf(t, "and %zu more\n", more);
}
