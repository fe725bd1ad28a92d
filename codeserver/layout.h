/* SPDX-License-Identifier: MIT
 *
 * Types as an object describes them (layout-format.h), and what changed
 * between two of them: whether a variable's bytes can become those of its
 * newer type, and how; whether memory that no variable holds may be of a type
 * that changed.
 *
 *   layout.c          opens a section and finds things in it
 *   layout-plan.c     compares a variable's two types
 *   layout-members.c  the same of structs and unions, member by member
 *   layout-steps.c    what a plan is made of
 *   layout-convert.c  goes through a plan, moves one leaf
 *   layout-value.c    numbers of all widths, in memory
 *   layout-print.c    values, variables and types in words
 *   layout-reach.c    what pointers lead to
 *   layout-way.c      the ways there in words
 *   layout-differ.c   whether one type can be taken for another
 *
 * Nothing here knows a process: bytes in, bytes out; no dependency but malloc.
 * No function keeps state; any thread may call any, with sections that stay
 * mapped meanwhile (plans point into them as well).
 */
#ifndef HW_LAYOUT_H
#define HW_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codeserver/layout-format.h"

/* --- a section (layout.c) ------------------------------------------------- */

struct layout {
	const struct layout_type *types;
	const struct layout_part *parts;
	const struct layout_var *vars;
	const struct layout_func *funcs;
	const struct layout_local *locals;
	const uint32_t *uses;
	const char *strings;
	uint32_t ntypes, nparts, nvars, nfuncs, nlocals, nuses, nstrings;
};

/*
 * Opens SIZE bytes that nobody vouches for. 0, or -1: not a whole section of
 * our version. All that the functions below rely on is checked here, once.
 * There is nothing to close.
 */
int layout_open(struct layout *l, const void *section, size_t size);

static inline const char *layout_str(const struct layout *l, uint32_t at)
{
	return l->strings + at;
}

/* By the id that the descriptor has; NULL: none. */
const struct layout_var *layout_var(const struct layout *l, const char *id);
const struct layout_func *layout_func(const struct layout *l, const char *id);
/* The function whose code ADDR lies in, in a section that was linked. */
const struct layout_func *layout_func_at(const struct layout *l, uint64_t addr);

/* How people call the variable: without module and "__emutls_v."; "count in
 * next()" for a static of a function. */
void layout_var_name(const struct layout *l, const struct layout_var *v,
		     char *buf, size_t size);

/* The same where a path begins with it: "next(): count". */
void layout_var_root(const struct layout *l, const struct layout_var *v,
		     char *buf, size_t size);

/* "struct dict *", "unsigned int", "char[16]"; cut off if it is too long. */
void layout_type_name(const struct layout *l, uint32_t type, char *buf,
		      size_t size);

/*
 * Which functions may still touch one of the variables IDS (N of them), by
 * themselves or by what they call within their version: sets touches[i] for
 * l->funcs[i] (l->nfuncs elements), clears the others. Data that a function
 * refers to counts with all that its initial content points to.
 */
void layout_touchers(const struct layout *l, const char *const *ids, size_t n,
		     bool *touches);

/* --- a plan (layout-plan.c) ----------------------------------------------- */

enum plan_kind {
	PLAN_INT,     /* also bool, and enums whose numbers did not change */
	PLAN_ENUM,    /* by the enumerators' names */
	PLAN_FLOAT,   /* one of the two at least; the other may be an integer */
	PLAN_POINTER, /* to data, or void */
	PLAN_FUNCTION, /* a pointer to a function */
	PLAN_STRING,   /* an array of plain char */
	PLAN_BYTES,    /* moved whole: unions, opaque and unknown types */
	PLAN_LOST,     /* elements of an array that shrank: from_size bytes that
			* must hold nothing (no leaf of the new variable) */
	PLAN_LOOP      /* the next BODY steps, COUNT times */
};

struct plan_side {
	uint64_t at;   /* bytes from the variable's first; in a loop: in its
			* first round */
	uint64_t size; /* bytes of the leaf; of a bit-field: that it touches */
	uint64_t stride; /* a loop's */
	uint32_t type;
	bool sign;     /* of an integer */
	uint8_t bit;   /* a bit-field's first bit in its first byte */
	uint16_t bits; /* how many it has; 0: whole bytes */
};

struct plan_step {
	uint8_t kind;  /* enum plan_kind */
	bool convert;  /* its bytes cannot just be copied: see layout_convert */
	uint32_t node; /* for layout_path */
	uint32_t body; /* a loop's */
	uint64_t count;
	struct plan_side from, to;
};

/* Where in the variable a step is; the first one is the variable. */
struct plan_node {
	uint32_t up;      /* the index of what it is a part of */
	const char *name; /* a member's; NULL: an element */
};

struct plan_names {
	char **v;
	size_t n;
};

/*
 * Zeroed is empty. How to make a variable of the new type from one of the old:
 * begin with a copy of the new initializer, then move leaf by leaf what the
 * steps say. What is new has no step.
 */
struct plan {
	const struct layout *was, *is;
	struct plan_step *steps; /* in the order of the old type's members */
	uint32_t nsteps, capsteps;
	/* No leaf moves or is converted, none is new or gone, and the size is
	 * the same: the storage can stay. The steps are there all the same, for
	 * who wants to go through the leaves. */
	bool same;
	/* Paths of members that only one side has, "db[].v". A member that was
	 * renamed is removed and added. */
	struct plan_names removed, added;
	char refusal[400]; /* for the user; begins with the member */

	/* of those who make it: layout-steps.c */
	struct plan_node *nodes;
	uint32_t nnodes, capnodes, budget;
	uint64_t
	    extra[2]; /* bytes behind the old, new type: a flexible array */
};

/*
 * 0: the plan is made. -1: it cannot be (plan->refusal says why: "member v: int
 * cannot become struct s"), or memory is out, which is said so as well. Free it
 * with plan_free in both cases. A type that is not known on one side is taken
 * for the other's if the sizes are equal.
 */
int layout_plan(const struct layout *was, const struct layout_var *a,
		const struct layout *is, const struct layout_var *b,
		struct plan *p);
void plan_free(struct plan *p);

/* Where NODE is: "db[2].v"; without ROUND, which says of the loops around it
 * where they are, "db[].v". */
void plan_path(const struct plan *p, uint32_t node, const uint64_t *round,
	       char *buf, size_t size);

/* --- through a plan (layout-convert.c) ------------------------------------ */

/* One leaf; inside loops, of one round. */
struct plan_leaf {
	const struct plan_step *step;
	uint64_t from, to; /* byte offsets from the variables' first bytes */
	uint64_t round[LAYOUT_DEPTH]; /* of the loops around it */
};

/*
 * Calls EACH for every leaf, in the steps' order, PLAN_LOST too; ends as soon
 * as that yields something else than 0, and yields that.
 */
int layout_leaves(const struct plan *p,
		  int (*each)(const struct plan_leaf *leaf, void *arg),
		  void *arg);

/* "db[0].v"; "" for a variable that is one leaf. */
void layout_path(const struct plan *p, const struct plan_leaf *leaf, char *buf,
		 size_t size);

/*
 * Moves one leaf from OLD, the live variable, to NEW, its new storage (nobody
 * else sees it yet; bit-fields share bytes). Converts as C would, but only if
 * nothing is lost:
 *   integers of other width or sign, bool: the value must fit (but the sign of
 *     plain char is nobody's: it goes to and from other bytes as it is)
 *   enums: the enumerator of that name; a value without a name stays if all
 *     names that both sides have kept their numbers
 *   float, double, long double: rounded, but finite stays finite
 *   an integer to or from a floating number: exactly
 *   strings: what does not fit must be zero; the rest is zeroed
 * PLAN_LOST moves nothing: all its bytes must be zero.
 * 0; or -1, NEW's leaf is as before and WHY says why, for the user: "db[3].v is
 * 70000, which a short cannot hold".
 */
int layout_convert(const struct plan *p, const struct plan_leaf *leaf,
		   const void *old, void *new, char *why, size_t size);

/* The leaf's value as C would spell it, from the old variable's bytes or from
 * the new one's: 12, RED, 0.5, "text", 0x55..., NULL, {01 02}. */
void layout_print_old(const struct plan *p, const struct plan_leaf *leaf,
		      const void *old, char *buf, size_t size);
void layout_print_new(const struct plan *p, const struct plan_leaf *leaf,
		      const void *new, char *buf, size_t size);

/* layout-value.c: a number in memory, as wide as any is. */
struct layout_number {
	bool is_float;
	bool huge; /* an integer that only an unsigned __int128 holds */
	__int128 i;
	long double f;
};
struct layout_number layout_load(const struct layout *l,
				 const struct plan_side *side, const void *at);
/* false: it does not fit, nothing was stored. */
bool layout_store(const struct layout *l, const struct plan_side *side,
		  void *at, struct layout_number n);

/* --- behind pointers (layout-reach.c) ------------------------------------- */

struct layout_reached {
	char text[600]; /* "server.db[0].dict → dictEntry: member v moved
			 * 8 → 16" */
	char type[80];  /* "dictEntry" */
	/* The id of the variable or function that the way begins with, in the
	 * old section; of a local or parameter its function's name. "" if it is
	 * a cast. */
	const char *root;
	/* How far off that is, less if it says better which data is meant: any
	 * way from a variable is nearer than any other. */
	unsigned far;
};

/*
 * Looks for a type that changed and of which objects may live that no variable
 * holds: whatever a pointer leads to, from variables, else from parameters and
 * results, else from locals and casts. 1: found, R has the shortest way to one;
 * 0: there is none; -1: memory is out.
 *
 * Only the old side's pointers count: what new pointers lead to, new code made,
 * or another module, which then judges its own types. What appears only by
 * value in variables is the plans' affair. Members that were renamed in place,
 * enumerators that were appended, types that one side does not know, or knows
 * by name only, are no change.
 */
int layout_reach(const struct layout *was, const struct layout *is,
		 struct layout_reached *r);

/* layout-differ.c: two lists of members, used again and again. Zeroed is
 * empty. */
struct layout_differ {
	const struct layout *was, *is;
	struct differ_side {
		struct differ_member *v;
		size_t n, cap;
	} a, b;
	char *text; /* what differs, of SIZE bytes */
	size_t size;
	uint32_t budget;
	bool no_memory;
};

/*
 * Whether objects of the old type A, as bytes, are misread as B: its members
 * moved, say. In d->text then is how: "member v moved 8 → 16". Pointers are all
 * alike here, but to functions.
 */
bool layout_differs(struct layout_differ *d, uint32_t a, uint32_t b);
void layout_differ_free(struct layout_differ *d);

#endif
