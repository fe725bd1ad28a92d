/* SPDX-License-Identifier: MIT
 *
 * See frame.h. One buffer holds what has come and is not handed out yet;
 * bytes before pos are dead.
 *
 * The body is handed out in place. It must end in a NUL, but the byte behind
 * it may already be the next message's first; then the body moves one byte
 * down, over its own header's last byte, which costs nothing in the usual
 * case of one message a read. Saving and restoring that byte was rejected: it
 * is one more state, and it is wrong the moment somebody feeds in between.
 *
 * A header is judged line by line as it comes, so a stranger on the socket (an
 * HTTP client, a terminal) is told off at its first line, not kept waiting
 * for a blank one. Each call starts again at the header's first byte; that is
 * cheap as a header over HEADER_MAX is an error.
 */
#include "protocol/frame.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX 4096
#define KEEP_MAX (64u << 10) /* an idle reader holds no more than this */

void hw_frame_init(struct hw_frame *f)
{
	memset(f, 0, sizeof(*f));
}

void hw_frame_free(struct hw_frame *f)
{
	free(f->buf);
	hw_frame_init(f);
}

static int fail_with(struct hw_frame *f, int error)
{
	hw_frame_free(f); /* nothing of a lost stream is of use */
	f->failed = error;
	return error;
}

/* Room for LEN bytes and a NUL behind what is held. */
static int make_room(struct hw_frame *f, size_t len)
{
	size_t held = f->len - f->pos, cap;
	char *p;

	if (len >= SIZE_MAX / 4 - held)
		return -1;
	if (f->cap > f->len + len)
		return 0;
	if (f->pos > 0)
		memmove(f->buf, f->buf + f->pos, held);
	f->pos = 0;
	f->len = held;
	if (f->cap > held + len)
		return 0;
	cap = f->cap * 2 > held + len ? f->cap * 2 : held + len + 1;
	p = realloc(f->buf, cap);
	if (!p)
		return -1;
	f->buf = p;
	f->cap = cap;
	return 0;
}

int hw_frame_feed(struct hw_frame *f, const void *data, size_t len)
{
	if (f->failed || len == 0)
		return 0;
	if (make_room(f, len))
		return fail_with(f, HW_FRAME_ENOMEM);
	memcpy(f->buf + f->len, data, len);
	f->len += len;
	return 0;
}

/* "  123 " as a length: 0, or the error it is. */
static int parse_length(const char *s, const char *end, size_t *len)
{
	size_t n = 0;

	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s == end)
		return HW_FRAME_EHEADER;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return HW_FRAME_EHEADER;
		if (n <= HW_FRAME_MAX) /* more digits cannot make it less */
			n = n * 10 + (size_t)(*s - '0');
	}
	*len = n;
	return n > HW_FRAME_MAX ? HW_FRAME_EBIG : 0;
}

/*
 * One header line, without its CRLF. Fields other than Content-Length, as
 * Content-Type, change nothing here. LEN is SIZE_MAX until it is known.
 */
static int parse_field(const char *line, const char *end, size_t *len)
{
	static const char name[] = "Content-Length";
	const char *colon, *p;

	colon = memchr(line, ':', (size_t)(end - line));
	if (!colon || colon == line)
		return HW_FRAME_EHEADER;
	for (p = line; p < end; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			return HW_FRAME_EHEADER;
	if ((size_t)(colon - line) != sizeof(name) - 1 ||
	    strncasecmp(line, name, sizeof(name) - 1) != 0)
		return 0;
	if (*len != SIZE_MAX) /* two lengths: which one is meant? */
		return HW_FRAME_EHEADER;
	return parse_length(colon + 1, end, len);
}

/* 1 and the header's size and the body's; 0: not all here yet; an error. */
static int parse_header(const char *start, size_t held, size_t *header,
			size_t *len)
{
	const char *limit = start + (held < HEADER_MAX ? held : HEADER_MAX);
	const char *line = start, *nl;
	int rc;

	*len = SIZE_MAX;
	while ((nl = memchr(line, '\n', (size_t)(limit - line)))) {
		if (nl == line || nl[-1] != '\r')
			return HW_FRAME_EHEADER;
		if (nl - line == 1) {
			*header = (size_t)(nl + 1 - start);
			return *len == SIZE_MAX ? HW_FRAME_EHEADER : 1;
		}
		rc = parse_field(line, nl - 1, len);
		if (rc)
			return rc;
		line = nl + 1;
	}
	return held >= HEADER_MAX ? HW_FRAME_EHEADER : 0;
}

/* Everything was handed out: give a large buffer back. */
static void forget(struct hw_frame *f)
{
	f->pos = f->len = 0;
	if (f->cap <= KEEP_MAX)
		return;
	free(f->buf);
	f->buf = NULL;
	f->cap = 0;
}

int hw_frame_next(struct hw_frame *f, char **body, size_t *len)
{
	size_t held = f->len - f->pos, header, n;
	char *p;
	int rc;

	if (f->failed)
		return f->failed;
	if (held == 0) {
		forget(f);
		return 0;
	}
	rc = parse_header(f->buf + f->pos, held, &header, &n);
	if (rc < 0)
		return fail_with(f, rc);
	if (rc == 0 || held - header < n)
		return 0;
	p = f->buf + f->pos + header;
	f->pos += header + n;
	if (f->pos < f->len) {
		memmove(p - 1, p, n);
		p--;
	}
	p[n] = '\0';
	*body = p;
	*len = n;
	return 1;
}

int hw_frame_header(char *buf, size_t len)
{
	return snprintf(buf, 48, "Content-Length: %zu\r\n\r\n", len);
}
