/* SPDX-License-Identifier: MIT
 *
 * A set of modules on its way in, as the load-*.c files share it.
 */
#ifndef HW_LOAD_INTERNAL_H
#define HW_LOAD_INTERNAL_H

#include <string.h>

#include "codeserver/base.h"
#include "codeserver/bind.h"
#include "codeserver/image.h"
#include "codeserver/load.h"
#include "codeserver/registry.h"
#include "codeserver/types.h"

/* A name that the set brings. */
struct fresh {
	char *id;
	uint32_t index; /* functions: its table entry */
	void *addr;     /* variables: its storage */
	bool kept;      /* that is an older variable's, with its content */
	const struct hw_var *var;
};

/* One module of the set on its way. */
struct part {
	struct load_item *item;
	struct hw_checked checked;
	struct hw_version *version; /* NULL: nothing to load */
	bool again;       /* VERSION was here already, and becomes current */
	void **canonical; /* by variable: its storage, NULL: the image's own */
	/* judge.c */
	struct layout is; /* types of the new object, if HAS_TYPES */
	bool has_types;
	struct part_var *vars; /* by variable */
	uint32_t nvars;
	bool cares; /* it says that it takes care of what is on the heap */
	/* Of a refusal for what is behind pointers: layout_reached's. Else 0.
	 */
	unsigned far;
};

/* What is known of a variable of a part before it is bound. */
struct part_var {
	const char *was;   /* its id until now, as the registry's; NULL: new */
	bool moves;        /* it cannot stay in its storage */
	struct plan *plan; /* NULL: the types are the same, or not known */
};

struct load_set {
	struct part *parts;
	size_t n;
	struct fresh *funcs, *vars;
	size_t nfuncs, nvars;
	bool force, published, down;
	bool ahead; /* it is being prepared: processes may run yet */
	const char *extra;
	struct load_times times;
	struct hw_failure *f; /* of the step at hand */
	/* Ids of variables of the current versions that the new ones lack. */
	const char **gone;
	size_t ngone;
	struct migration *migration; /* migrate.c */
	struct merge *merge;         /* merge.c */
	struct gate *gate;           /* load-gate.c; NULL: none is needed */
	const char **gate_ids;
	struct hw_hidden *gate_spans;
	struct hw_mod **gate_mods;
	struct code_change *change; /* codechange.c */
};

/* judge.c: whether each variable can go on, and how; and the types behind
 * pointers. */
int judge_gone(struct load_set *s);
int judge_part(struct load_set *s, struct part *p, struct hw_failure *f);
void judge_forget(struct part *p);
/* The version that described the variable ID last, and its types. */
struct hw_version *judge_describer(const struct load_set *s,
				   const struct part *p, const char *id,
				   const struct hw_var **var);
/* "count" of "src/server:count"; of a thread-local without the prefix. */
const char *var_bare(const char *id);

/* load-check.c: every item is judged, each gets its own failure. */
int load_check(struct load_set *s);

void load_gate_free(struct load_set *s);

/* load.c: the function that the image's pointer NAME ("hw.on_load") names: that
 * version's own, where the pointer itself leads to the stub. */
void *load_hook(const struct hw_image *i, const char *name);

/* load-names.c: places for what is new; what a name means to the set. */
int load_names(struct load_set *s);
int64_t load_func_index(const char *id, void *set);
void *load_var_addr(const char *id, void *set);
/* The same as long as the set is not published. */
void *load_var_before(const char *id, void *set);
struct fresh *fresh_find(struct fresh *v, size_t n, const char *id);

/* Forgets the places it wanted for variables that move. */
void load_names_forget(struct load_set *s);

/* load-bind.c: makes the set's images mean what they should. */
int load_bind_images(struct load_set *s);
/* What a version that is back brings anew; after merge_prepare. */
int load_again_vars(struct load_set *s);
/* load-keep.c: the books. Before the publish, with all that can fail: */
int load_keep_prepare(struct load_set *s);
/* and after it. */
void load_keep_vars(struct load_set *s);
/* After the publish: names of constants that moved. */
void load_keep_constants(struct part *p);

/* What a thread's copy of a thread-local starts from: memory of its own
 * version, to which that one's control object points. */
static inline bool var_template(const char *id)
{
	const char *colon = strrchr(id, ':');

	return !strncmp(colon ? colon + 1 : id, "__emutls_t.", 11);
}

/* The image's own copy serves: a constant, a table of labels. */
static inline bool var_private(const struct hw_module *d,
			       const struct hw_var *v,
			       const struct hw_variable *was)
{
	uint32_t flags = v->flags | (was ? was->flags : 0);

	return (flags & HW_VAR_LABELS) || (v->flags & HW_VAR_CONST) ||
	       var_template(desc_str(d, v->name));
}

#endif
