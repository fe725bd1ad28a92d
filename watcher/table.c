/* SPDX-License-Identifier: MIT
 *
 * See table.h. Columns are as wide as what is in them and two spaces apart;
 * nothing is cut, so that a row can be read by a script too. The last column
 * is not padded.
 */
#include "watcher/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void table_init(struct table *t, const char *const *heads)
{
	*t = (struct table){.heads = heads};
	while (heads[t->columns])
		t->columns++;
}

void table_cell(struct table *t, enum ui_style style, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = xstrdup("");
	va_end(ap);
	if (!*s) {
		free(s);
		s = xstrdup("-");
	}
	t->styles = xrealloc(t->styles, (t->nstyles + 1) * sizeof(*t->styles));
	t->styles[t->nstyles++] = style;
	strv_add_own(&t->cells, s);
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = ui_columns(t->heads[column]);

	for (size_t i = column; i < t->cells.n; i += t->columns) {
		size_t n = ui_columns(t->cells.v[i]);

		if (n > width)
			width = n;
	}
	return width;
}

static void put_cell(struct text *out, const struct ui *ui,
		     const struct table *t, size_t column, enum ui_style style,
		     const char *s)
{
	size_t pad = column_width(t, column) - ui_columns(s) + 2;

	ui_put(out, ui, style, "%s", s);
	if (column + 1 < t->columns)
		text_printf(out, "%*s", (int)pad, "");
	else
		text_puts(out, "\n");
}

void table_put(struct text *out, const struct ui *ui, const struct table *t)
{
	for (size_t i = 0; i < t->columns; i++)
		put_cell(out, ui, t, i, UI_DIM, t->heads[i]);
	for (size_t i = 0; i < t->cells.n; i++)
		put_cell(out, ui, t, i % t->columns, t->styles[i],
			 t->cells.v[i]);
}

void table_free(struct table *t)
{
	strv_free(&t->cells);
	free(t->styles);
	t->styles = NULL;
}
