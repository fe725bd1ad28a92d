/* SPDX-License-Identifier: MIT
 *
 * Direct calls: as long as a module has not been reloaded, calls of its
 * functions go straight to them. See direct.c.
 *
 * The code server's thread, and the constructor before it.
 */
#ifndef HW_DIRECT_H
#define HW_DIRECT_H

#include "codeserver/guest.h"
#include "codeserver/table.h"

/* Makes the permanent stubs direct, once. If it cannot they stay as they are,
 * and direct_write writes table stubs. */
void direct_start(void);

/*
 * Writes 16 bytes at AT that lead to function INDEX, directly if they may; AT
 * is writable, and belongs to an image of the start that direct_keep is told
 * of. 0, or -1: out of reach.
 */
int direct_write(void *at, uint32_t index);

/* From now on AT (16 bytes, for function INDEX) is turned when that must be.
 * 0, or -1: out of memory. */
int direct_keep(void *at, uint32_t index);

/* Lets the calls of an image of the start, whose PLT entries are direct, go
 * past them. No thread may be running it. 0, or -1: code cannot be changed. */
int direct_calls(const struct hw_image *i);

/*
 * Before table entries change: whatever leads directly to one of them, or to
 * another function of the same module, goes through the table from now on. 0,
 * or -1: code cannot be changed here any more; then nothing may be published.
 */
int direct_end(const struct table_change *changes, size_t n);

/*
 * Before the code in [FROM, TO) becomes inaccessible: what lies there goes
 * through the table from now on, and is never turned again, which would make
 * its page accessible. 0, or -1: as above.
 */
int direct_leave(uintptr_t from, uintptr_t to);

#endif
