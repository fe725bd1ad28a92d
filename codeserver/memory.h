/* SPDX-License-Identifier: MIT
 *
 * A search of the program's writable memory for words that point into some
 * address ranges.
 */
#ifndef HW_MEMORY_H
#define HW_MEMORY_H

#include "codeserver/guest.h"

/*
 * Sets held[i] to true where a word of writable memory points into ranges[i],
 * unless the word lies in self[i].
 * SKIP: spans that do not count. BUSY is asked now and then whether to give
 * up. 0, or -1: given up, or memory could not be read; held means nothing.
 */
int memory_search(const struct hw_hidden *ranges, const struct hw_span *self,
		  size_t n, bool *held, const struct hw_span *skip,
		  size_t nskip, bool (*busy)(void *), void *arg);

#endif
