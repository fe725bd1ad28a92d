/* SPDX-License-Identifier: MIT
 *
 * What is mapped, as /proc/self/maps had it at the last maps_read. The code
 * server's thread reads; a signal handler of threads that are being asked may
 * look things up meanwhile.
 */
#ifndef HW_MAPS_H
#define HW_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum map_kind {
	MAP_KIND_PLAIN,
	MAP_KIND_FILE,
	MAP_KIND_HEAP,
	MAP_KIND_STACK,
	MAP_KIND_DEVICE
};

/* In pages, not addresses: one that looks like a pointer would be found by the
 * search for holders. */
struct map {
	uint64_t first, end;
	bool read, write;
	enum map_kind kind;
};

int maps_read(void); /* 0 or -1: the list is empty then */
/* With many threads reading takes longer than all else: maps_want reads if
 * nobody has since maps_forget. */
void maps_forget(void);
void maps_want(void);
size_t maps_all(const struct map **maps);
/* The one that AT lies in, or NULL. */
const struct map *maps_find(uintptr_t at);

static inline uintptr_t map_from(const struct map *m)
{
	return m->first << 12;
}

static inline uintptr_t map_to(const struct map *m)
{
	return m->end << 12;
}

#endif
