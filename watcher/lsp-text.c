/* SPDX-License-Identifier: MIT
 *
 * See lsp-text.h. LSP counts UTF-16 code units unless both sides agree on
 * something else, which not all editors can; clang counts bytes. What is no
 * UTF-8 counts as one unit a byte: a position must come out of any file.
 */
#include "watcher/lsp-text.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/util.h"

/* --- URIs ---------------------------------------------------------------- */

char *lsp_uri(const char *path)
{
	struct text t = {0};

	text_puts(&t, "file://");
	for (; *path; path++) {
		unsigned char c = *path;

		if (isalnum(c) || strchr("/-._~", c))
			text_add(&t, path, 1);
		else
			text_printf(&t, "%%%02X", c);
	}
	return text_take(&t);
}

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10
					    : -1;
}

char *lsp_path(const char *uri)
{
	struct text t = {0};
	char byte;

	if (!starts_with(uri, "file://"))
		return NULL;
	uri += strlen("file://");
	uri += strcspn(uri, "/"); /* a host, "localhost" */
	for (; *uri; uri++) {
		byte = *uri;
		if (byte == '%' && hex(uri[1]) >= 0 && hex(uri[2]) >= 0) {
			byte = (char)(hex(uri[1]) << 4 | hex(uri[2]));
			uri += 2;
		}
		text_add(&t, &byte, 1);
	}
	return text_take(&t);
}

/* --- lines --------------------------------------------------------------- */

void lsp_file_parse(struct lsp_file *f, char *data)
{
	size_t cap = 0;

	*f = (struct lsp_file){.data = data};
	for (char *s = data; s && *s;) {
		if (f->n == cap) {
			cap = cap ? cap * 2 : 256;
			f->lines = xrealloc(f->lines, cap * sizeof(*f->lines));
		}
		f->lines[f->n++] = s;
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
}

void lsp_file_read(struct lsp_file *f, const char *path)
{
	char *data = NULL;
	size_t len;

	file_read(path, &data, &len, NULL);
	lsp_file_parse(f, data);
}

void lsp_file_free(struct lsp_file *f)
{
	free(f->lines);
	free(f->data);
	*f = (struct lsp_file){0};
}

static size_t line_len(const struct lsp_file *f, unsigned line)
{
	return line < f->n ? strcspn(f->lines[line], "\r\n") : 0;
}

/* --- positions ----------------------------------------------------------- */

/* Bytes of the UTF-8 character at S, of at most LEN; 1 for what is none. */
static size_t char_len(const char *s, size_t len)
{
	unsigned char c = *s;
	size_t n = c < 0xc2   ? 1
		   : c < 0xe0 ? 2
		   : c < 0xf0 ? 3
		   : c < 0xf5 ? 4
			      : 1;

	for (size_t i = 1; i < n; i++)
		if (i >= len || ((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

static unsigned utf16_units(const char *s, size_t len)
{
	unsigned units = 0;
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = char_len(s, len);
		units += n == 4 ? 2 : 1; /* beyond 16 bits: a pair */
	}
	return units;
}

cJSON *lsp_position(const struct lsp_file *f, unsigned line, unsigned byte)
{
	cJSON *o = cJSON_CreateObject();
	size_t len = line_len(f, line);
	unsigned units = byte;

	if (line < f->n)
		units = utf16_units(f->lines[line], byte < len ? byte : len);
	cJSON_AddNumberToObject(o, "line", line);
	cJSON_AddNumberToObject(o, "character", units);
	return o;
}

static cJSON *range(cJSON *start, cJSON *end)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "start", start);
	cJSON_AddItemToObject(o, "end", end);
	return o;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

cJSON *lsp_range(const struct lsp_file *f, unsigned line, unsigned column)
{
	size_t len, from, to;
	const char *s;

	line -= line > 0;
	len = line_len(f, line);
	s = line < f->n ? f->lines[line] : "";
	from = column ? column - 1 : strspn(s, " \t");
	to = column ? from : len;
	while (to < len && is_word(s[to]))
		to++;
	if (to == from && to < len)
		to += char_len(s + to, len - to);
	return range(lsp_position(f, line, from), lsp_position(f, line, to));
}

cJSON *lsp_span(const struct lsp_file *f, unsigned line, unsigned column,
		unsigned end_line, unsigned end_column)
{
	return range(lsp_position(f, line - (line > 0), column - (column > 0)),
		     lsp_position(f, end_line - (end_line > 0),
				  end_column - (end_column > 0)));
}
