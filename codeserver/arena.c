/* SPDX-License-Identifier: MIT
 *
 * The stubs of the start lie in the stubs' object, number n at stubs + 16 n.
 * Later ones are made a run at a time, each run on pages of its own, because a
 * page that other threads run is never made writable. A run is found by its
 * first index; there are as many runs as loads that brought new functions.
 *
 * Before a run's first stub lies what could be one. Who calls through a pointer
 * in code with clang's -fsanitize=function reads the eight bytes
 * before the function, where its type may be, and the page before a run may be
 * nobody's.
 */
#include "codeserver/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/guest.h"

#define PAGE 4096ul

struct stub_run {
	uint32_t first, n;
	unsigned char *at;
	struct stub_run *next;
};

static uintptr_t arena_next = HW_ARENA_BASE + HW_ARENA_SIZE - HW_ARENA_OWN;
static uintptr_t data_next, data_end;
static struct stub_run *runs;

static void *arena_pages(size_t size)
{
	uintptr_t end = HW_ARENA_BASE + HW_ARENA_SIZE;
	void *p;

	size = (size + PAGE - 1) & ~(PAGE - 1);
	if (size > end - arena_next)
		return NULL;
	/* Not by mmap(): ThreadSanitizer takes that for a write to all of it,
	 * and cannot see how a publish orders it before a reader. */
	p = (void *)syscall(SYS_mmap, arena_next, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			    -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if ((uintptr_t)p != arena_next) { /* a kernel before 4.17 */
		munmap(p, size);
		return NULL;
	}
	arena_next += size;
	return p;
}

void *arena_data(size_t size, size_t align)
{
	uintptr_t at;

	if (align == 0)
		align = 1;
	at = (data_next + align - 1) & ~(uintptr_t)(align - 1);
	if (at + size > data_end || at < data_next || !data_next) {
		size_t want =
		    size + align < 64 * 1024 ? 64 * 1024 : size + align;
		void *p = arena_pages(want);

		if (!p)
			return NULL;
		data_next = (uintptr_t)p;
		data_end = data_next + ((want + PAGE - 1) & ~(PAGE - 1));
		at = (data_next + align - 1) & ~(uintptr_t)(align - 1);
	}
	data_next = at + size;
	return (void *)at;
}

#define RAW __attribute__((no_sanitize("address", "thread", "undefined")))

RAW void raw_copy(void *to, const void *from, size_t n)
{
	volatile unsigned char *p = to;
	const volatile unsigned char *q = from;

	while (n-- > 0)
		*p++ = *q++;
}

RAW bool raw_equal(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *p = a, *q = b;

	while (n > 0 && *p == *q) {
		p++;
		q++;
		n--;
	}
	return n == 0;
}

int stub_code(unsigned char code[16], const void *at, uint32_t index)
{
	/* mov table(%rip),%r11; jmp *8*index(%r11); xchg %ax,%ax */
	static const unsigned char form[16] = {0x4c, 0x8b, 0x1d, 0,    0, 0,
					       0,    0x41, 0xff, 0xa3, 0, 0,
					       0,    0,    0x66, 0x90};
	int64_t away =
	    (int64_t)((uintptr_t)hw_guest.program->table - ((uintptr_t)at + 7));
	int32_t disp = (int32_t)away, entry = (int32_t)(8 * index);

	if (away != disp)
		return -1;
	memcpy(code, form, sizeof(form));
	memcpy(code + 3, &disp, 4);
	memcpy(code + 10, &entry, 4);
	return 0;
}

int stub_write(void *at, uint32_t index)
{
	unsigned char code[16];

	if (stub_code(code, at, index) < 0)
		return -1;
	raw_copy(at, code, sizeof(code));
	return 0;
}

void *arena_stubs(uint32_t first, uint32_t n)
{
	struct stub_run *run = malloc(sizeof(*run));
	size_t size = (16ul * n + 16 + PAGE - 1) & ~(PAGE - 1);
	unsigned char *page = run ? arena_pages(size) : NULL;
	unsigned char *at = page ? page + 16 : NULL;
	int r = 0;

	for (uint32_t i = 0; page && i < n; i++)
		r |= stub_write(at + 16ul * i, first + i);
	if (!page || r < 0 || mprotect(page, size, PROT_READ | PROT_EXEC) < 0) {
		free(run);
		return NULL;
	}
	*run = (struct stub_run){first, n, at, runs};
	runs = run;
	return at;
}

void *stub_addr(uint32_t index)
{
	if (index < hw_guest.program->nfuncs)
		return (char *)(uintptr_t)hw_guest.program->stubs +
		       16ul * index;
	/* The newest first: a failed load's run is shadowed by the next. */
	for (struct stub_run *r = runs; r; r = r->next)
		if (index >= r->first && index - r->first < r->n)
			return r->at + 16ul * (index - r->first);
	return NULL;
}

int64_t stub_index(uintptr_t at)
{
	uintptr_t off = at - (uintptr_t)hw_guest.program->stubs;

	if (off / 16 < hw_guest.program->nfuncs)
		return off % 16 ? -1 : (int64_t)(off / 16);
	for (struct stub_run *r = runs; r; r = r->next) {
		off = at - (uintptr_t)r->at;
		if (off / 16 < r->n)
			return off % 16 ? -1 : r->first + (int64_t)(off / 16);
	}
	return -1;
}
