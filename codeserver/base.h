/* SPDX-License-Identifier: MIT
 *
 * The initial image of a version's variables: the base of a three-way merge,
 * and what a version that comes back brings. The code server's thread.
 */
#ifndef HW_BASE_H
#define HW_BASE_H

#include "codeserver/bind.h"
#include "codeserver/image.h"

struct base {
	const struct hw_image *image; /* NULL: not open */
	struct hw_checked file;       /* of an image of the start, relocated */
};

/*
 * V is mapped. NAMES says what names mean, for a version of the start. 0, or
 * -1: its file is not there any more, or is another one by now; then nothing
 * is known of its initial values.
 */
int base_open(struct base *b, const struct hw_version *v,
	      const struct hw_names *names);
void base_close(struct base *b);

/* What variable VAR of that version began with. *ZERO: it is all zeros; then
 * nothing needs to be read. NULL: out of memory, or not its variable. */
const unsigned char *base_bytes(const struct base *b, const struct hw_var *var,
				bool *zero);

/* SIZE zeros that nobody writes, or NULL: out of memory. They stay. */
const unsigned char *base_zeros(size_t size);

/*
 * The variable ID of D, or NULL. Versions of a module have nearly the same
 * variables in the same order, so the search begins where the last one ended:
 * *HINT, 0 at first.
 */
const struct hw_var *base_var(const struct hw_module *d, const char *id,
			      uint32_t *hint);

#endif
