/* SPDX-License-Identifier: MIT
 *
 * Names: which table entry a function's id has, and where the one storage of
 * a variable's id is. The keys live as long as the process.
 */
#ifndef HW_REGISTRY_H
#define HW_REGISTRY_H

#include "codeserver/guest.h"

struct hw_variable {
	const char *id;
	void *addr;
	uint64_t size, type, tls_size;
	uint32_t flags; /* HW_VAR_* */
	bool lost;      /* no current version has it any more */
	/* While a set is on its way: the storage that it gives it. */
	const void *mover;
	void *to;
};

/* Functions. -1: not there. */
int64_t registry_func(const char *id);
int registry_func_add(const char *id, uint32_t index, bool weak);

/* The id that has table entry INDEX, or NULL. Slow. */
const char *registry_func_id(uint32_t index);

/* Variables; the pointer is good until the next add. */
struct hw_variable *registry_var(const char *id);
int registry_var_add(const struct hw_variable *v);
size_t registry_vars(struct hw_variable **all);

/* Enters the variables that the program started with; once, at the first
 * load, because most runs never load anything. 0, or -1: out of memory. */
int registry_vars_start(void);

#endif
