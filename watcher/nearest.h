/* SPDX-License-Identifier: MIT
 *
 * "Did you mean ...?": of words offered one by one, the one nearest to a
 * mistyped word. Any thread; nothing is allocated.
 *
 *   struct nearest n = {.word = "stauts"};
 *   nearest_offer(&n, "status");
 *   n.best is "status", or NULL if nothing offered is near
 */
#ifndef WATCHER_NEAREST_H
#define WATCHER_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word;
	const char *best; /* points to what was offered */
	size_t distance;
};

void nearest_offer(struct nearest *n, const char *candidate);

/* Insertions, deletions, changes and swaps of neighbours that turn A into
 * B; words of over 63 bytes count as far apart. */
size_t nearest_distance(const char *a, const char *b);

#endif
