/* SPDX-License-Identifier: MIT
 *
 * The stubs' object of a program: the permanent entry points of all functions
 * of all modules, the table they jump through, and the program's descriptor
 * (struct hw_program in codeserver/descriptor.h).
 */
#ifndef WATCHER_STUBS_H
#define WATCHER_STUBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stubs_func {
	const char *id;
	bool named; /* the symbol ID is this stub */
};

struct stubs_module {
	const char *name, *file;
	struct stubs_func *funcs;
	size_t nfuncs;
};

struct stubs {
	const struct stubs_module *modules; /* in the order of the link */
	size_t nmodules;
	uint64_t tls_size; /* bytes of all their thread-locals */
	const char *manifest, *root, *program; /* absolute */
};

/*
 * Decides which stub gets the name where several modules define a global: the
 * first strong one, else the first. WEAK is asked for each.
 */
void stubs_name(struct stubs_module *modules, size_t n,
		bool (*weak)(size_t module, size_t func, void *arg), void *arg);

/* The relocatable object: malloc'd bytes, to be linked by -shared. */
void *stubs_object(const struct stubs *s, size_t *len);

/* No less than the address space that it takes once linked. */
uint64_t stubs_bound(const struct stubs *s);

#endif
