/* SPDX-License-Identifier: MIT
 *
 * A page holds the way to the trap's code (trap-entry.S), and a few bytes for
 * each of 255 entries, which note the entry's number and go that way. Pages are
 * made when they are first needed, and stay.
 */
#include "codeserver/trap.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define SLOT 16u
#define SLOTS (PAGE / SLOT - 1) /* the first holds the way to the trap */

extern char undef_trap[], gate_trap[];

struct trap {
	const char *code;
	unsigned char **pages; /* by index / SLOTS; replaced when it grows */
	size_t npages;
};

struct trap trap_undef = {.code = undef_trap};
struct trap trap_gate = {.code = gate_trap};

/* Of the xsave area; mask 0: fxsave. For trap-entry.S. */
__attribute__((visibility("hidden"))) uint64_t trap_state_size = 576;
__attribute__((visibility("hidden"))) uint32_t trap_state_mask;

size_t trap_vectors(void)
{
	return trap_state_size;
}

/* SSE, AVX and the three of AVX-512: where arguments may be. */
static void state_measure(void)
{
	unsigned a, b, c, d, lo = 0, hi = 0;

	if (trap_state_mask || !__get_cpuid(1, &a, &b, &c, &d) ||
	    !(c & bit_OSXSAVE) || !__get_cpuid_count(13, 0, &a, &b, &c, &d))
		return;
	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	trap_state_size = b > 576 ? b : 576;
	__atomic_store_n(&trap_state_mask, lo & 0xe6u, __ATOMIC_RELEASE);
}

static void page_write(const struct trap *t, unsigned char *p, uint32_t first)
{
	/* jmp *0(%rip), and the address */
	static const unsigned char way[6] = {0xff, 0x25, 0, 0, 0, 0};
	uintptr_t trap = (uintptr_t)t->code;

	memset(p, 0xcc, PAGE);
	memcpy(p, way, sizeof(way));
	memcpy(p + 6, &trap, 8);
	for (uint32_t k = 0; k < SLOTS; k++) {
		/* mov $index,%r11d; jmp page */
		unsigned char *at = p + SLOT * (k + 1);
		uint32_t index = first + k;
		int32_t back = -(int32_t)(SLOT * (k + 1) + 11);

		at[0] = 0x41;
		at[1] = 0xbb;
		memcpy(at + 2, &index, 4);
		at[6] = 0xe9;
		memcpy(at + 7, &back, 4);
	}
}

static unsigned char *page_make(const struct trap *t, uint32_t first)
{
	unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	page_write(t, p, first);
	if (mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		return p;
	munmap(p, PAGE);
	return NULL;
}

void *trap_entry(struct trap *t, uint32_t index)
{
	size_t page = index / SLOTS;

	state_measure();
	if (page >= t->npages) {
		size_t n = hw_guest.nfuncs / SLOTS + 16;
		unsigned char **more;

		n = n > page ? n : page + 16;
		more = realloc(t->pages, n * sizeof(*t->pages));
		if (!more)
			return NULL;
		memset(more + t->npages, 0,
		       (n - t->npages) * sizeof(*t->pages));
		t->pages = more;
		t->npages = n;
	}
	if (!t->pages[page])
		t->pages[page] = page_make(t, (uint32_t)page * SLOTS);
	return t->pages[page] ? t->pages[page] + SLOT * (index % SLOTS + 1)
			      : NULL;
}

bool trap_is(const struct trap *t, uintptr_t addr)
{
	for (size_t i = 0; i < t->npages; i++)
		if (t->pages[i] && addr - (uintptr_t)t->pages[i] < PAGE)
			return true;
	return false;
}
