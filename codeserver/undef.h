/* SPDX-License-Identifier: MIT
 *
 * Calls of functions that have no code: of a module that was deleted, or that
 * the version which had them was purged without a newer one having them.
 */
#ifndef HW_UNDEF_H
#define HW_UNDEF_H

#include "codeserver/guest.h"

/*
 * What table entry INDEX leads to when it leads nowhere: it has the module
 * loaded, if it can be, and goes on there; else undef. NULL: out of memory.
 * The code server's thread.
 */
void *undef_entry(uint32_t index);

/* Whether ADDR is one of these. Any thread. */
bool undef_is(uintptr_t addr);

/* Changes the entries of V's functions (all that lead into V's image) to
 * another current module's function of that name, or to undef. 0, or -1: out
 * of memory, nothing changed. The code server's thread. */
int undef_version(const struct hw_version *v);

/* In the code server's thread, from the trap: what entry INDEX leads to now,
 * the module being loaded first if need be; DONE(arg) when *entry is there.
 * NULL: undef, and *f says of which module and function. (code-undef.c) */
struct undef_call {
	uint32_t index;
	pid_t tid;
	void *entry;
	char module[256], function[256];
	void (*done)(struct undef_call *call);
};
void undef_call_serve(struct undef_call *call);

#endif
