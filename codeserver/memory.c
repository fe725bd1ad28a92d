/* SPDX-License-Identifier: MIT
 *
 * The program runs on meanwhile, and may unmap what is just being read: so
 * memory is read by process_vm_readv, which fails where a plain load would
 * kill. Pages that were never touched hold nothing and are told apart by
 * /proc/self/pagemap, or a program that has reserved a terabyte would keep us
 * busy for ever.
 *
 * Ranges lie in the arena, so nearly every word is told to be no pointer of
 * interest by one comparison of its upper half.
 */
#include "codeserver/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "codeserver/table.h"

#define PAGE 4096ul
#define CHUNK (256ul * PAGE)

struct search {
	const struct hw_hidden *ranges;
	const struct hw_span *self, *skip;
	size_t n, nskip;
	bool *held;
	bool (*busy)(void *);
	void *arg;
	int pagemap;
	uintptr_t *words;               /* CHUNK bytes */
	uint64_t present[CHUNK / PAGE]; /* of the pages of a chunk */
};

static bool skipped(const struct search *s, size_t range, uintptr_t at)
{
	if (at >= s->self[range].from && at < s->self[range].to)
		return true;
	for (size_t i = 0; i < s->nskip; i++)
		if (at >= s->skip[i].from && at < s->skip[i].to)
			return true;
	return false;
}

__attribute__((noinline)) static void word_found(struct search *s,
						 uintptr_t word, uintptr_t at)
{
	for (size_t i = 0; i < s->n; i++)
		if (hidden_has(&s->ranges[i], word) && !s->held[i] &&
		    !skipped(s, i, at))
			s->held[i] = true;
}

static void words_search(struct search *s, uintptr_t at, size_t bytes)
{
	for (size_t i = 0; i < bytes / 8; i++)
		if (s->words[i] - HW_ARENA_BASE < HW_ARENA_SIZE)
			word_found(s, s->words[i], at + 8 * i);
}

/* A run of pages that are there. Pages may go meanwhile: then what is gone
 * holds nothing, and the rest is read page by page. */
static void run_search(struct search *s, uintptr_t at, size_t bytes)
{
	struct iovec to = {s->words, bytes}, from = {(void *)at, bytes};

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)bytes) {
		words_search(s, at, bytes);
		return;
	}
	for (size_t done = 0; bytes > PAGE && done < bytes; done += PAGE)
		run_search(s, at + done, PAGE);
}

static int chunk_search(struct search *s, uintptr_t at, size_t bytes)
{
	size_t pages = bytes / PAGE, i = 0, run;
	ssize_t want = (ssize_t)(pages * 8);

	if (pread(s->pagemap, s->present, (size_t)want,
		  (off_t)(at / PAGE * 8)) != want)
		return -1;
	while (i < pages) {
		for (run = 0; i + run < pages && (s->present[i + run] >> 62);
		     run++)
			;
		if (run)
			run_search(s, at + i * PAGE, run * PAGE);
		i += run + 1;
	}
	return s->busy && s->busy(s->arg) ? -1 : 0;
}

/* Not memory of the program's: devices, and what the kernel puts there. */
static bool region_counts(const char *mode, const char *name)
{
	return mode[0] == 'r' && mode[1] == 'w' &&
	       strncmp(name, "/dev/", 5) != 0 && strcmp(name, "[vvar]") != 0;
}

static int region_search(struct search *s, uintptr_t from, uintptr_t to)
{
	/* A sanitizer's shadow: terabytes, and never a pointer. */
	if (to - from > 1ul << 40)
		return 0;
	for (uintptr_t at = from; at < to; at += CHUNK) {
		size_t bytes = to - at < CHUNK ? to - at : CHUNK;

		if (chunk_search(s, at, bytes) < 0)
			return -1;
	}
	return 0;
}

static int maps_search(struct search *s)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t from, to, own = (uintptr_t)s->words;
	char line[512], mode[5], name[256];
	int r = maps ? 0 : -1;

	while (r == 0 && fgets(line, sizeof(line), maps)) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &from, &to,
			   mode, name) < 3)
			continue;
		if (!region_counts(mode, name))
			continue;
		/* Our own window, which the kernel may have joined to a
		 * neighbour. */
		if (own >= from && own < to) {
			r = region_search(s, from, own);
			if (r == 0)
				r = region_search(s, own + CHUNK, to);
			continue;
		}
		r = region_search(s, from, to);
	}
	if (maps)
		fclose(maps);
	return r;
}

int memory_search(const struct hw_hidden *ranges, const struct hw_span *self,
		  size_t n, bool *held, const struct hw_span *skip,
		  size_t nskip, bool (*busy)(void *), void *arg)
{
	struct search s = {.ranges = ranges,
			   .self = self,
			   .n = n,
			   .held = held,
			   .skip = skip,
			   .nskip = nskip,
			   .busy = busy,
			   .arg = arg};
	int r = -1;

	s.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	s.words = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s.pagemap >= 0 && s.words != MAP_FAILED)
		r = maps_search(&s);
	if (s.words != MAP_FAILED)
		munmap(s.words, CHUNK);
	if (s.pagemap >= 0)
		close(s.pagemap);
	return r;
}
