/* SPDX-License-Identifier: MIT
 *
 * A map from strings to pointers: open addressing, never shrinks. It copies
 * its keys and does not own its values. Not shared between threads.
 */
#ifndef WATCHER_STRMAP_H
#define WATCHER_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap {
	struct strmap_slot {
		char *key; /* NULL: never used */
		uint64_t hash;
		void *value; /* NULL: removed, the slot keeps its key */
	} * slots;
	size_t used, cap; /* cap: 0 or a power of two */
};

void *strmap_get(const struct strmap *m, const char *key); /* NULL: none */
void strmap_put(struct strmap *m, const char *key, void *value);
void strmap_remove(struct strmap *m, const char *key);
void strmap_free(struct strmap *m);

/* Goes through all values: for (size_t i = 0; strmap_next(m, &i, &v);) */
int strmap_next(const struct strmap *m, size_t *i, void **value);

#endif
