/* SPDX-License-Identifier: MIT
 *
 * A set of modules on its way in, as the load-*.c files share it.
 */
#ifndef HW_LOAD_INTERNAL_H
#define HW_LOAD_INTERNAL_H

#include "codeserver/bind.h"
#include "codeserver/image.h"
#include "codeserver/load.h"
#include "codeserver/registry.h"

/* A name that the set brings. */
struct fresh {
	char *id;
	uint32_t index; /* functions: its table entry */
	void *addr;     /* variables: its storage */
	const struct hw_var *var;
};

/* One module of the set on its way. */
struct part {
	struct load_item *item;
	struct hw_checked checked;
	struct hw_version *version; /* NULL: nothing to load */
	bool again;       /* VERSION was here already, and becomes current */
	void **canonical; /* by variable: its storage, NULL: the image's own */
};

struct load_set {
	struct part *parts;
	size_t n;
	struct fresh *funcs, *vars;
	size_t nfuncs, nvars;
	bool force, published;
	struct load_times times;
	struct hw_failure *f; /* of the step at hand */
};

/* load-check.c: every item is judged, each gets its own failure. */
int load_check(struct load_set *s);

/* load-names.c: places for what is new; what a name means to the set. */
int load_names(struct load_set *s);
int64_t load_func_index(const char *id, void *set);
void *load_var_addr(const char *id, void *set);
struct fresh *fresh_find(struct fresh *v, size_t n, const char *id);

/* load-bind.c: makes the set's images mean what they should. */
int load_bind_images(struct load_set *s);
/* After the publish: names of constants that moved. */
void load_keep_constants(struct part *p);

/* The image's own copy serves: a constant, a table of labels. */
static inline bool var_private(const struct hw_var *v,
			       const struct hw_variable *was)
{
	uint32_t flags = v->flags | (was ? was->flags : 0);

	return (flags & HW_VAR_LABELS) || (v->flags & HW_VAR_CONST);
}

#endif
