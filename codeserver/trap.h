/* SPDX-License-Identifier: MIT
 *
 * Code that a table entry leads to instead of a function: it knows the entry's
 * number, asks where to go on, and goes on there with the call's arguments as
 * they were.
 */
#ifndef HW_TRAP_H
#define HW_TRAP_H

#include "codeserver/guest.h"

/* What trap-entry.S leaves on the stack of a call that waits: the words below
 * its frame's address, in this order, and below them the vector registers. */
enum trap_word {
	TRAP_RAX,
	TRAP_RDI,
	TRAP_RSI,
	TRAP_RDX,
	TRAP_RCX,
	TRAP_R8,
	TRAP_R9,
	TRAP_R10,
	TRAP_KEPT, /* this one and the rest: what a callee preserves */
	TRAP_WORDS = TRAP_KEPT + 5
};

/* Bytes of the vector registers, whose lowest is at a multiple of 64. */
size_t trap_vectors(void);

struct trap;
extern struct trap trap_undef; /* asks undef_resolve (undef.c) */
extern struct trap trap_gate;  /* asks gate_resolve (gate.c) */

/* What entry INDEX leads to. NULL: out of memory. The code server's thread. */
void *trap_entry(struct trap *t, uint32_t index);

/* Whether ADDR is one of these. */
bool trap_is(const struct trap *t, uintptr_t addr);

#endif
