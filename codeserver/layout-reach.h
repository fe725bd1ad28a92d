/* SPDX-License-Identifier: MIT
 *
 * A search through what pointers lead to: shared by layout-reach.c, which
 * searches, and layout-way.c, which tells. Nobody else includes this.
 */
#ifndef HW_LAYOUT_REACH_H
#define HW_LAYOUT_REACH_H

#include "codeserver/layout.h"

enum step {
	STEP_VARIABLE,
	STEP_FUNCTION, /* a result */
	STEP_LOCAL,    /* a parameter or local: name in function */
	STEP_CAST,
	STEP_MEMBER,
	STEP_ELEMENT,
	STEP_TARGET, /* what a pointer points to */
	STEP_PARAMETER,
	STEP_RESULT
};

struct reach_node {
	uint32_t was, is; /* is: LAYOUT_UNKNOWN if its place is gone */
	uint32_t up;      /* index of the node that led here */
	uint8_t step;
	bool behind; /* a pointer */
	bool within; /* anonymous, and IS is all that it is a part of */
	const char *name, *func;
	const char *id; /* of a root's variable or function */
	uint32_t nth;   /* a parameter's number, from 1; 0: a local */
};

struct reach {
	const struct layout *was, *is;
	struct reach_node *nodes; /* the queue, and all that was in it */
	uint32_t n, cap, head;
	uint32_t *seen; /* by was, is, behind: 1 + index into nodes */
	uint32_t nseen;
	uint32_t *named; /* by name: indices of types of is; 0 if free */
	uint32_t nnamed;
	struct layout_differ differ;
	uint32_t budget; /* names that are compared before it is nonsense */
	bool no_memory;  /* or the budget is used up */
};

/* A struct, union or enum that has a name. */
bool reach_tagged(const struct layout *l, uint32_t type);

/* Fills OUT for the node AT, whose type differs as WHAT says. layout-way.c. */
void reach_tell(const struct reach *r, uint32_t at, const char *what,
		struct layout_reached *out);

#endif
