/* SPDX-License-Identifier: MIT
 *
 * A publish copies the table, changes the copy, and stores one pointer with
 * release order. A stub loads that pointer and then an entry behind it: the
 * second load depends on the first, which on x86-64 is all the acquire that
 * is needed. So a thread sees either the whole old set or the whole new one,
 * and no thread is stopped.
 *
 * A replaced table may still be in use by a thread that stands between its two
 * instructions, with the old pointer in %r11. It is put aside, and freed when
 * each thread was seen without it (purge.c). Changing entries in place was
 * rejected: several functions could not change at once. RCU by counting in the
 * stubs was rejected: it would cost every call.
 *
 * Tables are mapped, not malloc'd: a freed table in the heap would leave
 * addresses of old code behind, and the search for holders would find them.
 *
 * Written by the code server's thread only.
 */
#include "codeserver/table.h"

#include <string.h>
#include <sys/mman.h>

#include "codeserver/direct.h"

struct table {
	struct table *next;
	size_t bytes; /* of the mapping */
	void *entry[];
};

static struct table *current, *retired;

static void **live(void)
{
	return __atomic_load_n(hw_guest.program->table, __ATOMIC_ACQUIRE);
}

void *table_entry(uint32_t index)
{
	return live()[index];
}

bool table_points_into(uintptr_t from, uintptr_t to)
{
	void **t = live();

	for (uint32_t i = 0; i < hw_guest.nfuncs; i++)
		if ((uintptr_t)t[i] >= from && (uintptr_t)t[i] < to)
			return true;
	return false;
}

static struct table *table_new(uint32_t nfuncs)
{
	size_t bytes =
	    (sizeof(struct table) + nfuncs * sizeof(void *) + 4095) & ~4095ul;
	struct table *t = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		return NULL;
	t->bytes = bytes;
	return t;
}

int table_publish(const struct table_change *changes, size_t n, uint32_t nfuncs)
{
	struct table *t = table_new(nfuncs), *replaced = current;

	if (!t)
		return -1;
	if (direct_end(changes, n) < 0) {
		munmap(t, t->bytes);
		return -1;
	}
	memcpy(t->entry, live(), hw_guest.nfuncs * sizeof(void *));
	for (size_t i = 0; i < n; i++)
		t->entry[changes[i].index] = changes[i].entry;
	__atomic_store_n(hw_guest.program->table, t->entry, __ATOMIC_RELEASE);
	current = t;
	hw_guest.nfuncs = nfuncs;
	if (replaced) { /* the table of the start is never freed */
		replaced->next = retired;
		retired = replaced;
	}
	return 0;
}

size_t table_retired(struct hw_span *spans, size_t max)
{
	size_t n = 0;

	for (struct table *t = retired; t && n < max; t = t->next)
		spans[n++] =
		    (struct hw_span){(uintptr_t)t, (uintptr_t)t + t->bytes};
	return n;
}

size_t table_retired_count(void)
{
	size_t n = 0;

	for (struct table *t = retired; t; t = t->next)
		n++;
	return n;
}

void table_free_retired(const struct hw_span *spans, size_t n)
{
	struct table **p = &retired;

	while (*p) {
		struct table *t = *p;
		size_t i = 0;

		while (i < n && spans[i].from != (uintptr_t)t)
			i++;
		if (i == n) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		munmap(t, t->bytes);
	}
}

static bool table_holds(const struct table *t, uintptr_t addr)
{
	return t && addr >= (uintptr_t)t && addr < (uintptr_t)t + t->bytes;
}

bool table_owns(uintptr_t addr)
{
	if (table_holds(current, addr))
		return true;
	for (struct table *t = retired; t; t = t->next)
		if (table_holds(t, addr))
			return true;
	return false;
}
