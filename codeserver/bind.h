/* SPDX-License-Identifier: MIT
 *
 * Making an image's outside references mean what hotwatch wants: stubs for
 * functions, the one storage for variables.
 */
#ifndef HW_BIND_H
#define HW_BIND_H

#include "codeserver/guest.h"

/*
 * What a name means to the image being bound. NULL: not a name of the
 * program's modules; the dynamic linker's answer stands.
 */
struct hw_names {
	int64_t (*func)(const char *id, void *arg); /* table index or -1 */
	void *(*var)(const char *id, void *arg);
	void *arg;
};

/*
 * Turns every PLT entry of a hot function into a stub, and its slot with it.
 * The image's code is made writable for that, and executable again; no thread
 * may be running it. 0, or -1.
 */
int bind_plt(struct hw_image *i, const struct hw_names *names);

/*
 * Writes GOT slots and pointers in data. An undefined symbol that nobody has
 * is a failure (badfile, with its name).
 */
int bind_relocations(struct hw_image *i, const struct hw_names *names,
		     struct hw_failure *f);

/*
 * Applies the descriptor's references: each place that names variable k by
 * address is turned to canonical[k]; NULL leaves the image's own. KIND: which.
 */
int bind_refs(struct hw_image *i, void *const *canonical, uint32_t kind);

/* Where a global constant moved: turns the GOT slots and pointers of an image
 * that names it; whether it does. */
bool bind_global(struct hw_image *i, const char *id, void *addr);

#endif
