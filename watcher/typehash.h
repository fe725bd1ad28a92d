/* SPDX-License-Identifier: MIT
 *
 * A hash of a variable's type, deeply: two versions of a module may share a
 * variable's storage if the hashes are equal.
 *
 * It covers the layout of everything that can be reached from the variable,
 * through members, arrays, pointers and function pointers: names, offsets and
 * types of members, sizes, enumerators. It does not see typedef names, const,
 * volatile, restrict, and of an incomplete type only its name. It is the same
 * whatever else the module holds, in any order.
 */
#ifndef WATCHER_TYPEHASH_H
#define WATCHER_TYPEHASH_H

#include <stddef.h>
#include <stdint.h>

struct typehash_var {
	uint64_t addr;    /* in: link-time address; 0: go by the name */
	const char *name; /* in: the name, or FUNCTION.NAME if it is inside
			   * one; used only if addr is 0, which is for
			   * emulated thread-locals: their debug information
			   * has no usable address */
	uint64_t hash;    /* out; 0: not known */
};

/*
 * Reads the linked object PATH once and fills all N hashes. A file without
 * debug information gives 0 and hashes of 0. -1 and *err (malloc'd): it cannot
 * be read. Where several variables have the name, the hash covers the set of
 * their types. Any thread may call it.
 */
int typehash_vars(const char *path, struct typehash_var *v, size_t n,
		  char **err);

#endif
