/* SPDX-License-Identifier: MIT
 *
 * The one table that every stub jumps through.
 */
#ifndef HW_TABLE_H
#define HW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codeserver/guest.h"

struct table_change {
	uint32_t index;
	void *entry;
};

/*
 * Makes all N changes visible at once, to all threads. NFUNCS is the number
 * of entries from now on. 0, or -1: out of memory, nothing changed.
 */
int table_publish(const struct table_change *changes, size_t n,
		  uint32_t nfuncs);

void *table_entry(uint32_t index);
bool table_points_into(uintptr_t from, uintptr_t to);

/* Replaced tables that a thread may still be jumping through: the newest MAX
 * as spans. table_free_retired frees those (they are known to be unused). */
size_t table_retired(struct hw_span *spans, size_t max);
void table_free_retired(const struct hw_span *spans, size_t n);
size_t table_retired_count(void);

/* Whether ADDR is in a page of ours that holds code addresses by nature, so
 * that a search for holders must pass it over. */
bool table_owns(uintptr_t addr);

#endif
