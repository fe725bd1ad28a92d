/* SPDX-License-Identifier: MIT
 *
 * What the files that make a plan share (layout-plan.c, layout-members.c,
 * layout-steps.c). Nobody else includes this.
 */
#ifndef HW_LAYOUT_STEPS_H
#define HW_LAYOUT_STEPS_H

#include "codeserver/layout.h"

/* A part of a variable on one side. */
struct plan_place {
	uint32_t type;
	uint64_t bit; /* from the variable's first */
	uint32_t width;
};

/* --- layout-steps.c ------------------------------------------------------- */

/* False: N is more than is left. */
bool plan_spend(uint32_t *budget, uint32_t n);

/* These yield -1. The first refusal counts. */
int plan_refuse(struct plan *p, uint32_t node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int plan_cannot_become(struct plan *p, struct plan_place a, struct plan_place b,
		       uint32_t node);
int plan_too_many(struct plan *p, uint32_t node);
int plan_no_memory(struct plan *p);

/* A part NAME (NULL: an element) of node UP; UINT32_MAX: no memory. */
uint32_t plan_node_add(struct plan *p, uint32_t up, const char *name);
struct plan_step *plan_step_add(struct plan *p, enum plan_kind kind,
				uint32_t node);
struct plan_side plan_side_of(const struct layout *l, struct plan_place at);
/* A step that moves A to B. 0; -1: no memory. */
int plan_leaf_add(struct plan *p, enum plan_kind kind, bool convert,
		  struct plan_place a, struct plan_place b, uint32_t node);
/* Notes the path of MEMBER in NODE, which only one side has. 0; -1: no memory.
 */
int plan_name_note(struct plan *p, struct plan_names *names, uint32_t node,
		   const char *member);

/* --- layout-plan.c, layout-members.c -------------------------------------- */

/* What moves A to B, of any types; of two structs; of two unions. 0; -1: it
 * cannot be, which P says. */
int plan_pair(struct plan *p, struct plan_place a, struct plan_place b,
	      uint32_t node);
int plan_pair_structs(struct plan *p, struct plan_place a, struct plan_place b,
		      uint32_t node);
int plan_pair_unions(struct plan *p, struct plan_place a, struct plan_place b,
		     uint32_t node);

#endif
