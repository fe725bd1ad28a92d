/* SPDX-License-Identifier: MIT
 *
 * The code server's own part of the arena: stubs of functions that came later
 * than the start, and storage of variables that did. Neither is ever given
 * back: pointers to them may be anywhere.
 */
#ifndef HW_ARENA_H
#define HW_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, writable, SIZE bytes aligned to ALIGN. NULL: no room. */
void *arena_data(size_t size, size_t align);

/*
 * N stubs in a row, for table entries FIRST, FIRST + 1 … Executable on
 * return. Address of the first (16 bytes each), or NULL: no room.
 */
void *arena_stubs(uint32_t first, uint32_t n);

/* The stub of table entry INDEX. */
void *stub_addr(uint32_t index);
/* The table entry whose stub AT is, or -1. */
int64_t stub_index(uintptr_t at);

/*
 * memcpy and memcmp == 0 on the program's memory. Sanitizers keep books on it:
 * code must not be written, and what lies between variables not be read. So
 * these are out of their sight.
 */
void raw_copy(void *to, const void *from, size_t n);
bool raw_equal(const void *a, const void *b, size_t n);

/* The 16 bytes of a stub at AT that jumps through entry INDEX. 0, or -1: the
 * table's pointer is out of reach from there. */
int stub_code(unsigned char code[16], const void *at, uint32_t index);

/* Writes a stub (16 bytes) that jumps through entry INDEX to AT. 0, or -1:
 * the table's pointer is out of reach from there. */
int stub_write(void *at, uint32_t index);

#endif
