/* SPDX-License-Identifier: MIT
 *
 * A call through stub and table costs a jump and two loads more than a plain
 * one, and all modules together pay with cache and with branch predictors.
 * Most modules of a run are never reloaded. So at the start every PLT entry
 * and every permanent stub is
 *
 *	 0	jmp rel32		straight to version 0
 *	 5	int3 int3 int3
 *	 8	the second half of the stub that goes through the table
 *
 * and before a module's table entries change for the first time, all that
 * lead to it become that stub: one aligned store of its first 8 bytes,
 *
 *	 0	mov table(%rip),%r11
 *	 7	jmp *8*index(%r11)
 *
 * while other threads run it. No thread can stand inside: what was there is a
 * single instruction. Calls go further: their displacement is that of the
 * function itself, past the PLT, where it lies within an aligned word (five of
 * eight do) so that one store turns it back. A processor that has read the old
 *bytes ahead jumps to version 0, where the table still leads at that time;
 *before the table changes, membarrier makes every processor that runs this
 *program throw away what it has read. (Old kernels do not know it; there an
 *interrupt, which a thread takes before it is looked at, does the same: a
 *thread that came to the old version so late is seen in it like any other.)
 *
 * Pages are made writable and stay executable meanwhile. Where that is refused
 * (a policy against it), it is so at the start too, and all goes through the
 * table from the beginning. So it does under valgrind, which translated the
 * code when it ran first and does not look at a file's again.
 *
 * Rejected: /proc/self/mem, which needs no permission bits, but promises no
 * single store; a second mapping of the pages, which would not be the file's
 * any more for debuggers and profilers; int3 and a signal handler, the kernel's
 * own way for code that has no aligned place: the program owns SIGTRAP.
 */
#include "codeserver/direct.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include "codeserver/arena.h"

#define PAGE 4096ul
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

/* A direct PLT entry or call; those of an image stand together. The address is
 * kept inverted: as it is, the search for holders would find it and take it for
 * a pointer into version 0. */
struct site {
	uint32_t index;
	int32_t through; /* of a call: its displacement to the PLT entry, and
			  * the place is the displacement; 0: a PLT entry */
	uintptr_t inverted;
};

static bool possible;
static bool *ended; /* by module: its calls go through the table */
static struct site *sites;
static size_t nsites, sites_cap;

static void *site_at(size_t i)
{
	return (void *)~sites[i].inverted;
}

static int pages_protect(uintptr_t from, uintptr_t to, int prot)
{
	from &= ~(PAGE - 1);
	to = (to + PAGE - 1) & ~(PAGE - 1);
	return mprotect((void *)from, to - from, prot);
}

int direct_write(void *at, uint32_t index)
{
	unsigned char code[16], jmp[8] = {0xe9, 0, 0, 0, 0, 0xcc, 0xcc, 0xcc};
	int64_t away;
	int32_t disp;

	if (stub_code(code, at, index) < 0)
		return -1;
	away = (char *)hw_guest.program->first_table[index] - (char *)at - 5;
	disp = (int32_t)away;
	if (possible && disp == away) {
		memcpy(jmp + 1, &disp, 4);
		memcpy(code, jmp, 8);
	}
	raw_copy(at, code, sizeof(code));
	return 0;
}

/* Mapped, not malloc'd: the program's malloc may be hot, and its code is what
 * is being written at this moment. */
static int sites_grow(void)
{
	size_t cap = sites_cap ? sites_cap * 2 : 1024;
	struct site *s = mmap(NULL, cap * sizeof(*s), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return -1;
	if (sites) {
		memcpy(s, sites, nsites * sizeof(*s));
		munmap(sites, sites_cap * sizeof(*s));
	}
	sites = s;
	sites_cap = cap;
	return 0;
}

static int site_keep(const void *at, uint32_t index, int32_t through)
{
	if (nsites == sites_cap && sites_grow() < 0)
		return -1;
	sites[nsites++] = (struct site){index, through, ~(uintptr_t)at};
	return 0;
}

int direct_keep(void *at, uint32_t index)
{
	return possible ? site_keep(at, index, 0) : 0;
}

/* --- calls ---------------------------------------------------------------- */

/* A store of four bytes within an aligned word of eight is one for every
 * processor; the opcode before them never changes. */
static bool turnable(const unsigned char *site)
{
	return ((uintptr_t)site & 7) <= 4;
}

/*
 * SITE is the displacement of a call to a PLT entry that is direct: it goes to
 * the function itself. The entry for thread-locals has no index, and is never
 * turned.
 */
static int call_direct(unsigned char *site, const unsigned char *plt, size_t n)
{
	const unsigned char *entry, *target;
	int32_t through, disp;
	uint32_t offset;

	memcpy(&through, site, 4);
	entry = site + 4 + through;
	if ((uintptr_t)(entry - plt) >= 16 * n || (entry - plt) % 16 ||
	    entry[0] != 0xe9)
		return 0;
	memcpy(&disp, entry + 1, 4);
	memcpy(&offset, entry + 10, 4);
	target = entry + 5 + disp;
	disp = (int32_t)(target - (site + 4)); /* all lie within 2 GB */
	if (target == hw_guest.program->emutls) {
		raw_copy(site, &disp, 4);
		return 0;
	}
	if (!turnable(site))
		return 0;
	if (site_keep(site, offset / 8, through) < 0)
		return -1;
	raw_copy(site, &disp, 4);
	return 0;
}

/* From the first call to the last. */
static struct hw_span calls_range(const struct hw_image *i)
{
	const struct hw_ref *r = desc_refs(i->desc);
	struct hw_span range = {UINTPTR_MAX, 0};

	for (uint32_t k = 0; k < i->desc->nrefs; k++) {
		uintptr_t at = (uintptr_t)desc_at(&r[k].site);

		if (r[k].kind != HW_REF_CALL)
			continue;
		range.from = at < range.from ? at : range.from;
		range.to = at + 4 > range.to ? at + 4 : range.to;
	}
	return range;
}

int direct_calls(const struct hw_image *i)
{
	const struct hw_ref *r = desc_refs(i->desc);
	const unsigned char *plt = i->desc->plt ? desc_at(&i->desc->plt) : NULL;
	struct hw_span range = calls_range(i);
	int result = 0;

	if (!possible || !plt || range.from >= range.to)
		return 0;
	if (pages_protect(range.from, range.to, PROT_READ | PROT_WRITE) < 0)
		return -1;
	for (uint32_t k = 0; k < i->desc->nrefs; k++)
		if (r[k].kind == HW_REF_CALL)
			result |=
			    call_direct(desc_at(&r[k].site), plt, i->njmprel);
	if (pages_protect(range.from, range.to, PROT_READ | PROT_EXEC) < 0)
		return -1;
	return result;
}

void direct_start(void)
{
	const struct hw_program *p = hw_guest.program;
	uintptr_t from = (uintptr_t)p->stubs, to = from + 16ul * p->nfuncs;

	ended = calloc(p->nmodules + 1, sizeof(*ended));
	if (RUNNING_ON_VALGRIND)
		return;
	if (!ended || pages_protect(from, to, RWX) < 0)
		return;
	possible = true;
	for (uint32_t i = 0; i < p->nfuncs; i++)
		direct_write((char *)from + 16ul * i, i);
	pages_protect(from, to, PROT_READ | PROT_EXEC);
	syscall(SYS_membarrier,
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

/* --- the end -------------------------------------------------------------- */

static uint32_t module_of(uint32_t index)
{
	const struct hw_program *p = hw_guest.program;
	uint32_t lo = 0, hi = p->nmodules;

	while (hi - lo > 1) {
		uint32_t mid = (lo + hi) / 2;

		if (p->modules[mid].first <= index)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* AT is a multiple of 16, so the store is one for every processor. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
stub_turn(void *at, uint32_t index)
{
	unsigned char code[16];
	uint64_t first;

	stub_code(code, at, index);
	memcpy(&first, code, 8);
	/* one mov; a sanitizer would take an __atomic store for data's */
	*(volatile uint64_t *)at = first;
}

__attribute__((no_sanitize("address", "thread", "undefined"))) static void
site_turn(const struct site *s)
{
	void *at = (void *)~s->inverted;

	if (s->through)
		*(volatile int32_t *)at = s->through;
	else
		stub_turn(at, s->index);
}

static bool ends_now(uint32_t index, const bool *ending)
{
	uint32_t m = module_of(index);

	return ending[m] && !ended[m];
}

/* The sites from I to END, one after the other: a site's neighbours are on the
 * same page, so a page is opened once for all of its sites. ENDING NULL: all.
 */
static int sites_end(size_t i, size_t end, const bool *ending)
{
	size_t k;

	while (i < end) {
		uintptr_t page = (uintptr_t)site_at(i) & ~(PAGE - 1);
		bool open = false;

		for (k = i;
		     k < end && ((uintptr_t)site_at(k) & ~(PAGE - 1)) == page;
		     k++) {
			if (ending && !ends_now(sites[k].index, ending))
				continue;
			if (!open && pages_protect(page, page + 1, RWX) < 0)
				return -1;
			open = true;
			site_turn(&sites[k]);
		}
		if (open)
			pages_protect(page, page + 1, PROT_READ | PROT_EXEC);
		i = k;
	}
	return 0;
}

int direct_leave(uintptr_t from, uintptr_t to)
{
	size_t i = 0, k;

	while (i < nsites && (uintptr_t)site_at(i) - from >= to - from)
		i++;
	for (k = i; k < nsites && (uintptr_t)site_at(k) - from < to - from; k++)
		;
	if (i == k)
		return 0;
	if (sites_end(i, k, NULL) < 0)
		return -1;
	memmove(sites + i, sites + k, (nsites - k) * sizeof(*sites));
	nsites -= k - i;
	return 0;
}

static int stubs_end(const struct hw_program_module *m)
{
	char *stubs = (char *)(uintptr_t)hw_guest.program->stubs;
	uintptr_t from = (uintptr_t)stubs + 16ul * m->first;
	uintptr_t to = from + 16ul * m->nfuncs;

	if (pages_protect(from, to, RWX) < 0)
		return -1;
	for (uint32_t i = 0; i < m->nfuncs; i++)
		stub_turn(stubs + 16ul * (m->first + i), m->first + i);
	pages_protect(from, to, PROT_READ | PROT_EXEC);
	return 0;
}

static int modules_end(const bool *ending)
{
	const struct hw_program *p = hw_guest.program;

	for (uint32_t i = 0; i < p->nmodules; i++)
		if (ending[i] && !ended[i] && p->modules[i].nfuncs &&
		    stubs_end(&p->modules[i]) < 0)
			return -1;
	return sites_end(0, nsites, ending);
}

int direct_end(const struct table_change *changes, size_t n)
{
	const struct hw_program *p = hw_guest.program;
	bool *ending = possible ? calloc(p->nmodules + 1, 1) : NULL;
	bool any = false;
	int r = 0;

	if (!possible)
		return 0;
	if (!ending)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (changes[i].index >= p->nfuncs)
			continue; /* a function that came later */
		ending[module_of(changes[i].index)] = true;
		any |= !ended[module_of(changes[i].index)];
	}
	if (any) {
		r = modules_end(ending);
		syscall(SYS_membarrier,
			MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	}
	for (uint32_t i = 0; r == 0 && i < p->nmodules; i++)
		ended[i] |= ending[i];
	free(ending);
	return r;
}
