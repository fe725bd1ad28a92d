/* SPDX-License-Identifier: MIT
 *
 * Where in the arena the next module goes. Loop thread only.
 */
#ifndef WATCHER_PLACE_H
#define WATCHER_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_ALIGN 0x10000ull /* bases are multiples of it */

/*
 * What an image of SIZE bytes needs of the arena. The kernel tries to map what
 * has room for a huge page where one could be put, and takes the dynamic
 * linker's wish for an address only if there is a huge page's room to spare
 * behind it (mm/huge_memory.c, __thp_get_unmapped_area(): the length is padded
 * before the hint is tried). Which file systems do so is their own affair, so
 * the room is left on all.
 */
#define PLACE_HUGE 0x200000ull
static inline uint64_t place_room(uint64_t size)
{
	return size < PLACE_HUGE ? size : size + PLACE_HUGE;
}

/* Address ranges that are taken; zeroed is empty. */
struct place {
	struct place_range {
		uint64_t base, end;
	} * v;
	size_t n, cap;
};

/* What an image of SIZE bytes at BASE takes, its room included: it may have to
 * be mapped again. */
void place_take(struct place *p, uint64_t base, uint64_t size);
void place_free(struct place *p);
bool place_is_free(const struct place *p, uint64_t base, uint64_t size);

/* The lowest free base for an image of SIZE bytes, or 0: the arena is full. */
uint64_t place_find(struct place *p, uint64_t size);

/*
 * Address space that linking the object file PATH may take at most, in bytes;
 * the link's result is checked against it. 0 and *err if it is no object.
 */
uint64_t place_estimate(const char *path, char **err);

#endif
