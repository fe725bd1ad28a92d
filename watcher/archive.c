/* SPDX-License-Identifier: MIT
 *
 * See archive.h. The formats: System V with GNU's long names, and GNU's thin
 * archives, which Meson makes; that is what ar and llvm-ar write on Linux.
 * libelf is not used: it does not know thin archives, cannot write any, and
 * reads the members of an archive in memory not at all.
 */
#include "watcher/archive.h"

#include <ar.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/util.h"

#define THIN_MAGIC "!<thin>\n"

/* A decimal field, not terminated. */
static size_t field_number(const char *field, size_t len)
{
	size_t n = 0;

	for (; len > 0 && *field >= '0' && *field <= '9'; len--, field++)
		n = n * 10 + (size_t)(*field - '0');
	return n;
}

/* The members that hold no object: the index and the long names. */
static bool is_special(const struct ar_hdr *h, const char *which)
{
	size_t n = strlen(which);

	return !strncmp(h->ar_name, which, n) && h->ar_name[n] == ' ';
}

/* NAMES: the table of long names, LEN bytes, or NULL. */
static char *name_of(const struct ar_hdr *h, const char *names, size_t len)
{
	const char *end;
	size_t at;

	if (h->ar_name[0] != '/') {
		end = memchr(h->ar_name, '/', sizeof(h->ar_name));
		return xstrndup(h->ar_name, end ? (size_t)(end - h->ar_name)
						: sizeof(h->ar_name));
	}
	at = field_number(h->ar_name + 1, sizeof(h->ar_name) - 1);
	if (!names || at >= len)
		return xstrdup("");
	for (end = names + at; end + 1 < names + len; end++)
		if (end[0] == '/' && end[1] == '\n')
			break;
	return xstrndup(names + at, (size_t)(end - (names + at)));
}

static void member_add(struct archive *a, char *name, long offset,
		       const char *data, size_t size)
{
	a->members = xrealloc(a->members, (a->n + 1) * sizeof(*a->members));
	a->members[a->n++] = (struct archive_member){name, offset, data, size};
}

static int members_read(struct archive *a, char **err)
{
	const char *names = NULL;
	size_t at = SARMAG, names_len = 0;

	while (at + sizeof(struct ar_hdr) <= a->len) {
		const struct ar_hdr *h = (const void *)(a->data + at);
		const char *data = a->data + at + sizeof(*h);
		size_t size = field_number(h->ar_size, sizeof(h->ar_size));
		bool table = is_special(h, "//");
		bool special =
		    table || is_special(h, "/") || is_special(h, "/SYM64/");

		if (memcmp(h->ar_fmag, ARFMAG, 2))
			return fail(err, "%s: not a whole archive", a->path);
		if (a->thin && !special)
			size = 0;
		if (size > a->len - at - sizeof(*h))
			return fail(err, "%s: cut off", a->path);
		if (table) {
			names = data;
			names_len = size;
		}
		if (!special)
			member_add(a, name_of(h, names, names_len), (long)at,
				   data, size);
		at += sizeof(*h) + size + (size & 1);
	}
	return 0;
}

int archive_open(struct archive **out, const char *path, char **err)
{
	struct archive *a = xcalloc(1, sizeof(*a));
	int r;

	a->path = xstrdup(path);
	r = file_read(path, &a->data, &a->len, err);
	if (r == 0) {
		a->thin =
		    a->len >= SARMAG && !memcmp(a->data, THIN_MAGIC, SARMAG);
		if (!a->thin &&
		    (a->len < SARMAG || memcmp(a->data, ARMAG, SARMAG)))
			r = fail(err, "%s: not an archive", path);
	}
	if (r == 0)
		r = members_read(a, err);
	if (r < 0) {
		archive_close(a);
		return -1;
	}
	*out = a;
	return 0;
}

void archive_close(struct archive *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		free(a->members[i].name);
	free(a->members);
	free(a->data);
	free(a->path);
	free(a);
}

/* --- one member ----------------------------------------------------------- */

/* Of an archive of any size only this is read. */
static int member_at(const char *path, long offset, char **data, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)offset + (off_t)sizeof(struct ar_hdr);
	struct ar_hdr h;
	int r = -1;

	if (fd < 0)
		return -1;
	if (pread(fd, &h, sizeof(h), offset) == (ssize_t)sizeof(h) &&
	    !memcmp(h.ar_fmag, ARFMAG, 2)) {
		*len = field_number(h.ar_size, sizeof(h.ar_size));
		*data = xmalloc(*len + 1);
		(*data)[*len] = '\0';
		r = pread(fd, *data, *len, at) == (ssize_t)*len ? 0 : -1;
		if (r < 0)
			free(*data);
	}
	close(fd);
	return r;
}

int archive_member(const char *path, const char *name, long offset, char **data,
		   size_t *len, char **err)
{
	struct archive *a;

	if (!offset) {
		if (archive_open(&a, path, err) < 0)
			return -1;
		for (size_t i = 0; i < a->n && !offset; i++)
			if (!strcmp(a->members[i].name, name))
				offset = a->members[i].offset;
		archive_close(a);
	}
	if (!offset || member_at(path, offset, data, len) < 0)
		return fail(err, "%s(%s): no such member", path, name);
	return 0;
}

/* --- the index ------------------------------------------------------------ */

static uint32_t be32(const char *p)
{
	const unsigned char *b = (const void *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

/* The index: a count, as many offsets, as many names; all 32 bits,
 * big-endian. (64 bits from 4 GB on: such an archive has no answer here.) */
long archive_defines(const struct archive *a, const char *symbol)
{
	const struct ar_hdr *h = (const void *)(a->data + SARMAG);
	const char *p = a->data + SARMAG + sizeof(*h), *name, *end;
	size_t size, n;

	if (a->len < SARMAG + sizeof(*h) + 4 || !is_special(h, "/"))
		return 0;
	size = field_number(h->ar_size, sizeof(h->ar_size));
	n = be32(p);
	if (size > a->len - SARMAG - sizeof(*h) || n > size / 4 - 1)
		return 0;
	name = p + 4 + 4 * n;
	end = p + size;
	for (size_t i = 0; i < n && name < end; i++) {
		if (!strncmp(name, symbol, (size_t)(end - name)))
			return (long)be32(p + 4 + 4 * i);
		name += strnlen(name, (size_t)(end - name)) + 1;
	}
	return 0;
}

/* --- writing -------------------------------------------------------------- */

static bool is_listed(long offset, const long *offsets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (offsets[i] == offset)
			return true;
	return false;
}

/* No index and no long names: the linker reads the members themselves, and
 * what they are called shows in messages only. */
int archive_write(const struct archive *a, const long *offsets, size_t n,
		  const char *path, char **err)
{
	struct text t = {0};
	int r;

	text_add(&t, ARMAG, SARMAG);
	for (size_t i = 0; i < a->n; i++) {
		const struct archive_member *m = &a->members[i];

		if (!is_listed(m->offset, offsets, n))
			continue;
		text_printf(&t, "%-16.15s%-12d%-6d%-6d%-8o%-10zu%s",
			    "member.o/", 0, 0, 0, 0644, m->size, ARFMAG);
		text_add(&t, m->data, m->size);
		if (m->size & 1)
			text_puts(&t, "\n");
	}
	r = file_write(path, t.s, t.len, err);
	text_free(&t);
	return r;
}
