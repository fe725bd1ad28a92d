/* SPDX-License-Identifier: MIT
 *
 * Where a thread's own stack lies is written in its struct pthread, which also
 * has the head of the robust list, which the kernel tells. The distances are
 * learnt from our own thread, whose stack we know. So no lock of libc's is
 * taken (pthread_getattr_np takes one), and a thread that ends meanwhile does
 * no harm. If they cannot be learnt, stacks are memory like any other: a dead
 * word there then holds a version longer than it must.
 *
 * The same words tell the stacks that libc keeps of threads that have ended:
 * full of return addresses, and nobody's.
 */
#include "codeserver/stacks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "codeserver/maps.h"
#include "codeserver/memory.h"

#define KEPT 64  /* mappings that are asked about at once */
#define MOVES 16 /* of each span, before they are sorted otherwise */

/* In struct pthread: where the robust list's head is, its stack's first byte
 * with the size next to it, and its number. 0: not known. */
static long robust_at, stack_at, tid_at;
static size_t pthread_size; /* from its first byte to the mapping's end */

static struct hw_span *spans; /* mapped */
static size_t nspans, cap;

uintptr_t stacks_robust_head(pid_t tid)
{
	void *head = NULL;
	size_t len;

	return syscall(SYS_get_robust_list, tid, &head, &len) < 0
		   ? 0
		   : (uintptr_t)head;
}

uintptr_t stacks_robust_head_of(uintptr_t thread)
{
	return stack_at ? thread + (size_t)robust_at : 0;
}

uintptr_t stacks_thread_pointer(pid_t tid)
{
	uintptr_t self = (uintptr_t)pthread_self();
	uintptr_t head = stacks_robust_head(tid), own = stacks_robust_head(0);

	return head && own ? head - (own - self) : 0;
}

/* The kernel clears it when the thread ends. A little before the robust list.
 */
static void tid_learn(uintptr_t self)
{
	pid_t tid = (pid_t)syscall(SYS_gettid), v;

	for (long at = robust_at - 64; at > 0 && at < robust_at; at += 4) {
		memcpy(&v, (void *)(self + (size_t)at), sizeof(v));
		if (v == tid)
			tid_at = at;
	}
}

/* In our own thread: its stack is a mapping between guard pages, and struct
 * pthread lies at its upper end. */
static void layout_learn(void)
{
	uintptr_t self = (uintptr_t)pthread_self(), v[2];
	const struct map *m;

	maps_want();
	m = maps_find(self);
	robust_at = (long)(stacks_robust_head(0) - self);
	if (!m || robust_at <= 0 || robust_at > 4096)
		return;
	for (long at = 0; self + (size_t)at + 16 <= map_to(m); at += 8) {
		memcpy(v, (void *)(self + (size_t)at), sizeof(v));
		if (v[0] != map_from(m) || v[0] + v[1] != map_to(m))
			continue;
		stack_at = at;
		tid_learn(self);
		pthread_size = map_to(m) - self;
		return;
	}
}

static struct hw_span home_main(void)
{
	const struct map *m;
	size_t n;

	maps_want();
	n = maps_all(&m);
	for (; n; n--, m++)
		if (m->kind == MAP_KIND_STACK)
			return (struct hw_span){map_from(m), map_to(m)};
	return (struct hw_span){0, 0};
}

struct hw_span stacks_home(uintptr_t robust_head)
{
	struct hw_span none = {0, 0};
	uintptr_t self, v[2];
	struct iovec there;

	if (!stack_at)
		layout_learn();
	self = robust_head - (size_t)robust_at;
	there = (struct iovec){(void *)(self + (size_t)stack_at), sizeof(v)};
	if (!robust_head || !stack_at ||
	    memory_gather(&there, 1, v, sizeof(v)) < 0)
		return none;
	if (!v[0])
		return home_main();
	if (self <= v[0] || self - v[0] > v[1])
		return none;
	return (struct hw_span){v[0], v[0] + v[1]};
}

size_t stacks_pthread_size(void)
{
	return stack_at ? pthread_size : 0;
}

void stacks_forget(void)
{
	stack_at = 0;
}

/* --- what a search passes over -------------------------------------------- */

int stacks_begin(size_t n)
{
	const struct map *m;

	n += maps_all(&m) + 1; /* libc keeps no more stacks than are mapped */
	nspans = 0;
	if (cap >= n)
		return 0;
	if (spans)
		munmap(spans, cap * sizeof(*spans));
	cap = n * 2;
	spans = mmap(NULL, cap * sizeof(*spans), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (spans != MAP_FAILED)
		return 0;
	spans = NULL;
	cap = 0;
	return -1;
}

void stacks_add(uintptr_t from, uintptr_t to)
{
	spans[nspans++] = (struct hw_span){from, to};
}

void stacks_add_main(uintptr_t from, uintptr_t to)
{
	const struct map *m = maps_find(to - 1);

	if (m && m->kind == MAP_KIND_STACK)
		from = map_from(m);
	stacks_add(from, to);
}

static int span_order(const void *a, const void *b)
{
	const struct hw_span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* A few are out of order as a rule, of a thousand; but they may be in any. */
static void spans_sort(void)
{
	size_t moves = 0;

	for (size_t i = 1; i < nspans && moves < MOVES * nspans; i++) {
		struct hw_span s = spans[i];
		size_t k = i;

		for (; k > 0 && spans[k - 1].from > s.from; k--)
			spans[k] = spans[k - 1];
		spans[k] = s;
		moves += i - k;
	}
	if (moves >= MOVES * nspans)
		qsort(spans, nspans, sizeof(*spans), span_order);
}

static bool span_among(size_t n, uintptr_t at)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (spans[mid].to <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && spans[lo].from <= at;
}

/* What may be a struct pthread at the end of a mapping. */
struct __attribute__((packed)) last_words {
	uintptr_t stack, size;
	pid_t tid;
};

static void last_places(const struct map *m, struct iovec from[2])
{
	uintptr_t self = map_to(m) - pthread_size;

	from[0] = (struct iovec){(void *)(self + (size_t)stack_at), 16};
	from[1] = (struct iovec){(void *)(self + (size_t)tid_at), 4};
}

/* Those of the N mappings M that are stacks whose thread has ended. */
static void kept_add_some(const struct map *const *m, size_t n)
{
	struct iovec from[2 * KEPT];
	struct last_words w[KEPT];
	bool whole;

	for (size_t i = 0; i < n; i++)
		last_places(m[i], &from[2 * i]);
	whole = memory_gather(from, 2 * n, w, n * sizeof(*w)) == 0;
	for (size_t i = 0; i < n; i++) {
		uintptr_t to = map_to(m[i]);

		if (!whole &&
		    memory_gather(&from[2 * i], 2, &w[i], sizeof(*w)) < 0)
			continue;
		if (w[i].stack && w[i].stack <= map_from(m[i]) &&
		    w[i].stack + w[i].size == to && w[i].tid <= 0)
			stacks_add(map_from(m[i]), to);
	}
}

static void kept_add(void)
{
	const struct map *some[KEPT], *m;
	size_t n, nsome = 0, among = nspans;

	n = stack_at && tid_at ? maps_all(&m) : 0;
	for (; n; n--, m++) {
		if (!m->write || m->kind != MAP_KIND_PLAIN ||
		    map_to(m) - map_from(m) <= pthread_size ||
		    span_among(among, map_from(m)))
			continue;
		some[nsome++] = m;
		if (nsome == KEPT) {
			kept_add_some(some, nsome);
			nsome = 0;
		}
	}
	kept_add_some(some, nsome);
}

size_t stacks_end(const struct hw_span **all)
{
	/* Ours is mapped between guard pages: that stack and no more. */
	const struct map *own =
	    maps_find((uintptr_t)__builtin_frame_address(0));

	if (own)
		spans[nspans++] = (struct hw_span){map_from(own), map_to(own)};
	spans_sort();
	kept_add();
	spans_sort();
	*all = spans;
	return nspans;
}
