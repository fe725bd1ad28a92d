/* SPDX-License-Identifier: MIT
 *
 * Code that a table entry leads to instead of a function: it knows the entry's
 * number, asks where to go on, and goes on there with the call's arguments as
 * they were.
 */
#ifndef HW_TRAP_H
#define HW_TRAP_H

#include "codeserver/guest.h"

struct trap;
extern struct trap trap_undef; /* asks undef_resolve (undef.c) */
extern struct trap trap_gate;  /* asks gate_resolve (gate.c) */

/* What entry INDEX leads to. NULL: out of memory. The code server's thread. */
void *trap_entry(struct trap *t, uint32_t index);

/* Whether ADDR is one of these. */
bool trap_is(const struct trap *t, uintptr_t addr);

#endif
