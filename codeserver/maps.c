/* SPDX-License-Identifier: MIT
 *
 * Read in large pieces and taken apart by hand: with a thousand threads there
 * are two thousand lines, and sscanf alone took longer than the kernel did.
 *
 * The list is in memory that is mapped and only ever replaced by a larger one,
 * never given back, so a handler that comes late still reads something.
 */
#include "codeserver/maps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT 65536u

static struct map *maps;
static size_t nmaps, cap;
static char *text; /* TEXT bytes */
static bool fresh;

static void *pages_new(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct map *map_new(void)
{
	if (nmaps == cap) {
		size_t more = cap ? cap * 2 : 1024;
		struct map *m = pages_new(more * sizeof(*m));

		if (!m)
			return NULL;
		if (maps)
			memcpy(m, maps, nmaps * sizeof(*m));
		maps = m;
		cap = more;
	}
	return &maps[nmaps++];
}

static const char *hex(const char *p, uint64_t *v)
{
	for (*v = 0;; p++) {
		if (*p >= '0' && *p <= '9')
			*v = *v << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			*v = *v << 4 | (uint64_t)(*p - 'a' + 10);
		else
			return p;
	}
}

static enum map_kind kind_of(const char *name)
{
	if (*name == '/')
		return strncmp(name, "/dev/", 5) ? MAP_KIND_FILE
						 : MAP_KIND_DEVICE;
	if (!strncmp(name, "[heap]", 6))
		return MAP_KIND_HEAP;
	if (!strncmp(name, "[stack]", 7))
		return MAP_KIND_STACK;
	if (!strncmp(name, "[v", 2))
		return MAP_KIND_DEVICE;
	return MAP_KIND_PLAIN;
}

/* FROM-TO MODE OFFSET DEVICE INODE      NAME */
static int line_read(const char *p)
{
	struct map *m = map_new();

	if (!m)
		return -1;
	p = hex(p, &m->first);
	p = hex(p + 1, &m->end);
	m->first >>= 12;
	m->end >>= 12;
	m->read = p[1] == 'r';
	m->write = p[2] == 'w';
	for (int i = 0; i < 5; i++) {
		while (*p == ' ')
			p++;
		while (*p != ' ' && *p != '\n' && i < 4)
			p++;
	}
	m->kind = kind_of(p);
	return 0;
}

void maps_forget(void)
{
	fresh = false;
}

void maps_want(void)
{
	if (!fresh)
		maps_read();
}

int maps_read(void)
{
	size_t have = 0;
	ssize_t n = 1;
	int fd, r = 0;

	nmaps = 0;
	if (!text)
		text = pages_new(TEXT);
	fd = text ? open("/proc/self/maps", O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	while (r == 0 && (n = read(fd, text + have, TEXT - have)) > 0) {
		char *p = text, *end = text + have + n, *nl;

		while (r == 0 && (nl = memchr(p, '\n', (size_t)(end - p)))) {
			r = line_read(p);
			p = nl + 1;
		}
		have = (size_t)(end - p);
		memmove(text, p, have);
	}
	close(fd);
	fresh = true;
	if (r < 0 || n < 0)
		nmaps = 0;
	return r < 0 || n < 0 ? -1 : 0;
}

size_t maps_all(const struct map **all)
{
	*all = maps;
	return nmaps;
}

const struct map *maps_find(uintptr_t at)
{
	size_t lo = 0, hi = nmaps;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (maps[mid].end <= at >> 12)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nmaps && maps[lo].first <= at >> 12 ? &maps[lo] : NULL;
}
