/* SPDX-License-Identifier: MIT
 *
 * The program runs on meanwhile, and may unmap what is just being read: so
 * memory is read by process_vm_readv, which fails where a plain load would
 * kill. Pages that were never touched hold nothing and are told apart by
 * /proc/self/pagemap, or a program that has reserved a terabyte would keep us
 * busy for ever. Regions of a few pages (what is left of a thread's stack
 * mapping beside the stack) are not worth that question, and are read many at
 * a time.
 *
 * The arena is 2 GB at a multiple of 4 GB, so nearly every word is told to be
 * no pointer of interest by its upper half; a mangled one by another half.
 */
#include "codeserver/memory.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "codeserver/maps.h"
#include "codeserver/snapshot.h"

#define PAGE 4096ul
#define CHUNK (64ul * PAGE) /* stays in the processor's cache */
#define SMALL (4 * PAGE)
#define BATCH 256 /* small regions read by one call */

enum outcome {
	GO_ON,
	ENOUGH,
	GIVEN_UP
};

struct search {
	const struct memory_search *q;
	int pagemap;
	size_t skip;                    /* the first that may still matter */
	uintptr_t *words;               /* CHUNK bytes */
	uint64_t present[CHUNK / PAGE]; /* of the pages of a chunk */
	struct iovec small[BATCH];
	size_t nsmall, small_bytes;
};

int memory_peek(uintptr_t at, void *to, size_t n)
{
	struct iovec local = {to, n}, remote = {(void *)at, n};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) ==
		       (ssize_t)n
		   ? 0
		   : -1;
}

/*
 * The kernel pins the pages of the other process, and copies from the caller's
 * as any system call does. Since both are us the pieces are *written* to one
 * place, which is pinned at once, and not read from many: 0.3 us each instead
 * of 1.3. By the system call, since a sanitizer's process_vm_writev reads the
 * pieces itself, and one may be the stack of a thread that has just ended.
 */
int memory_gather(const struct iovec *from, size_t n, void *to, size_t size)
{
	struct iovec remote = {to, size};

	return !n || syscall(SYS_process_vm_writev, getpid(), from, n, &remote,
			     1ul, 0ul) == (long)size
		   ? 0
		   : -1;
}

static enum outcome word_look(const struct search *s, uintptr_t at,
			      uintptr_t word)
{
	uintptr_t plain = demangle(word);

	if (suspect(word) && !s->q->hit(s->q->arg, at, word, false))
		return ENOUGH;
	if (suspect(plain) && !s->q->hit(s->q->arg, at, plain, true))
		return ENOUGH;
	return GO_ON;
}

#define BLOCK 32 /* words told apart at once */

/* Whether one of BLOCK words may be a pointer into the arena's 4 GB, plain or
 * mangled. In halves of words, which SSE2 can compare, and without a branch. */
static bool block_may(const uint32_t *half, uint32_t plain, uint32_t mangled)
{
	uint32_t any = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		uint32_t low = half[2 * i], high = half[2 * i + 1];

		any |= (high == plain) | ((high >> 17 | low << 15) == mangled);
	}
	return any;
}

static enum outcome words_look(const struct search *s, const uintptr_t *w,
			       uintptr_t at, size_t bytes)
{
	uint32_t plain = HW_ARENA_BASE >> 32;
	uint32_t mangled = plain ^ (uint32_t)(demangle(0) >> 32); /* guard */
	enum outcome r = GO_ON;
	size_t n = bytes / 8;

	for (size_t i = 0; i < n; i += BLOCK) {
		size_t end = i + BLOCK < n ? i + BLOCK : n;

		if (end == i + BLOCK &&
		    !block_may((const uint32_t *)(w + i), plain, mangled))
			continue;
		for (size_t k = i; r == GO_ON && k < end; k++)
			r = word_look(s, at + 8 * k, w[k]);
		if (r != GO_ON)
			return r;
	}
	return GO_ON;
}

/* A run of pages that are there. Pages may go meanwhile: then what is gone
 * holds nothing, and the rest is read page by page. */
static enum outcome run_look(struct search *s, uintptr_t at, size_t bytes)
{
	enum outcome r = GO_ON;

	if (memory_peek(at, s->words, bytes) == 0)
		return words_look(s, s->words, at, bytes);
	for (size_t done = 0; r == GO_ON && bytes > PAGE && done < bytes;
	     done += PAGE)
		r = run_look(s, at + done, PAGE);
	return r;
}

static enum outcome chunk_look(struct search *s, uintptr_t at, size_t bytes)
{
	uintptr_t first = at & ~(PAGE - 1);
	size_t pages = (at + bytes - first + PAGE - 1) / PAGE, i = 0, run;
	ssize_t want = (ssize_t)(pages * 8);
	enum outcome r = GO_ON;

	if (pread(s->pagemap, s->present, (size_t)want,
		  (off_t)(first / PAGE * 8)) != want)
		return GIVEN_UP;
	for (; r == GO_ON && i < pages; i += run + 1) {
		uintptr_t from = first + i * PAGE, to;

		for (run = 0; i + run < pages && (s->present[i + run] >> 62);
		     run++)
			;
		to = from + run * PAGE;
		from = from < at ? at : from;
		to = to > at + bytes ? at + bytes : to;
		if (run)
			r = run_look(s, from, to - from);
	}
	if (r == GO_ON && s->q->busy && s->q->busy(s->q->busy_arg))
		return GIVEN_UP;
	return r;
}

/* The small regions that were put aside. */
static enum outcome small_look(struct search *s)
{
	enum outcome r = GO_ON;
	size_t at = 0;

	if (memory_gather(s->small, s->nsmall, s->words, s->small_bytes) < 0)
		at = CHUNK; /* one of them has gone: each by itself */
	for (size_t i = 0; r == GO_ON && i < s->nsmall; i++) {
		uintptr_t from = (uintptr_t)s->small[i].iov_base;
		size_t len = s->small[i].iov_len;

		r = at == CHUNK ? run_look(s, from, len)
				: words_look(s, s->words + at / 8, from, len);
		at += at == CHUNK ? 0 : len;
	}
	s->nsmall = s->small_bytes = 0;
	return r;
}

/*
 * A sanitizer's shadow is terabytes and never holds a pointer; in its pieces,
 * gigabytes, where nothing but it is so large. Without one a program may well
 * have so much in one piece.
 */
static uintptr_t region_max;

bool memory_sanitized(void)
{
	return dlsym(RTLD_DEFAULT, "__tsan_init") ||
	       dlsym(RTLD_DEFAULT, "__asan_init");
}

static void region_max_find(void)
{
	region_max = memory_sanitized() ? 1ul << 34 : 1ul << 40;
}

static enum outcome region_look(struct search *s, uintptr_t from, uintptr_t to)
{
	enum outcome r = GO_ON;

	if (to - from > region_max)
		return GO_ON;
	if (to - from <= SMALL) {
		s->small[s->nsmall++] = (struct iovec){(void *)from, to - from};
		s->small_bytes += to - from;
		return s->nsmall == BATCH || s->small_bytes > CHUNK - SMALL
			   ? small_look(s)
			   : GO_ON;
	}
	for (uintptr_t at = from; r == GO_ON && at < to;) {
		uintptr_t end = (at + CHUNK) & ~(PAGE - 1);

		end = end < to ? end : to;
		/* an unaligned start must not make it one page too many */
		if (end - at > CHUNK - PAGE && end != to)
			end -= PAGE;
		r = chunk_look(s, at, end - at);
		at = end;
	}
	return r;
}

/* [FROM, TO) less what is passed over. */
static enum outcome parts_look(struct search *s, uintptr_t from, uintptr_t to)
{
	const struct hw_span *skip = s->q->skip;
	enum outcome r = GO_ON;
	uintptr_t own = (uintptr_t)s->words;

	if (own > from && own < to) { /* our window, joined to a neighbour */
		r = parts_look(s, from, own);
		from = own;
	}
	if (own == from)
		from += CHUNK;
	while (s->skip < s->q->nskip && skip[s->skip].to <= from)
		s->skip++;
	for (size_t i = s->skip; r == GO_ON && from < to; i++) {
		uintptr_t end = to;

		if (i < s->q->nskip && skip[i].from < end)
			end = skip[i].from;
		if (end > from)
			r = region_look(s, from, end);
		if (i == s->q->nskip || skip[i].from >= to)
			break;
		from = skip[i].to > from ? skip[i].to : from;
	}
	return r;
}

static enum outcome maps_look(struct search *s)
{
	const struct map *m;
	size_t n = maps_all(&m);
	enum outcome r = GO_ON;

	for (; r == GO_ON && n; n--, m++)
		if (m->read && m->write && m->kind != MAP_KIND_DEVICE)
			r = parts_look(s, map_from(m), map_to(m));
	return r == GO_ON ? small_look(s) : r;
}

/* Kept: to get its pages anew costs more than a look at a small program. */
static uintptr_t *window_get(void)
{
	static uintptr_t *window;
	void *p = window;

	if (!window)
		p = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED)
		window = p;
	return window;
}

int memory_search(const struct memory_search *q)
{
	struct search s = {.q = q};
	enum outcome r = GIVEN_UP;

	if (!region_max)
		region_max_find();
	s.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	s.words = window_get();
	if (s.pagemap >= 0 && s.words)
		r = maps_look(&s);
	if (s.pagemap >= 0)
		close(s.pagemap);
	return r == GIVEN_UP ? -1 : 0;
}
