/* SPDX-License-Identifier: MIT
 *
 * What of a thread that waits at the gate is the program's. The gate saves all
 * registers that any call may pass (trap-entry.S), but most calls pass few, and
 * what is in the others is left from before: the address of the very variable
 * that has to move, where a loop does nothing but call functions that use it.
 * Such a loop would be refused each time it is asked.
 *
 * So it is told by the function's type which registers hold arguments. Where
 * that is not plain (variadic functions, structures, numbers wider than a
 * register), all of them do. What lies below the gate's frame is the gate's
 * own.
 */
#include "codeserver/gate.h"
#include "codeserver/layout.h"
#include "codeserver/trap.h"

#define REGISTERS 6 /* for integers and pointers: from TRAP_RDI on */
#define ALL ((1u << TRAP_WORDS) - 1)
#define KEPT (ALL & ~((1u << TRAP_KEPT) - 1))

enum passed {
	PASSED_NOWHERE, /* on the caller's stack, or not at all */
	PASSED_REGISTER,
	PASSED_VECTOR,
	PASSED_SOMEHOW
};

static enum passed passed_how(const struct layout *l, uint32_t type)
{
	const struct layout_type *t = &l->types[type];

	switch (t->kind) {
	case LAYOUT_NOTHING:
		return PASSED_NOWHERE;
	case LAYOUT_INT:
	case LAYOUT_ENUM:
	case LAYOUT_POINTER:
		return t->size <= 8 ? PASSED_REGISTER : PASSED_SOMEHOW;
	case LAYOUT_FLOAT:
		return t->size <= 8 ? PASSED_VECTOR : PASSED_NOWHERE;
	default:
		return PASSED_SOMEHOW;
	}
}

/* False: it is not plain. */
static bool args_read(struct gate_args *a, const struct layout *l,
		      const struct layout_type *t)
{
	uint32_t n = 0;

	if (t->kind != LAYOUT_FUNCTION || t->flags & LAYOUT_VARIADIC ||
	    passed_how(l, t->to) == PASSED_SOMEHOW)
		return false;
	for (uint64_t i = 0; i < t->count; i++) {
		switch (passed_how(l, l->parts[t->first + i].type)) {
		case PASSED_REGISTER:
			if (n < REGISTERS)
				a->words |= 1u << (TRAP_RDI + n++);
			break;
		case PASSED_VECTOR:
			a->vectors = true;
			break;
		case PASSED_SOMEHOW:
			return false;
		default:
			break;
		}
	}
	return true;
}

void gate_args_of(struct gate_args *a, uintptr_t frame, const struct layout *l,
		  const struct layout_func *function)
{
	size_t size = trap_vectors();

	*a = (struct gate_args){.frame = frame, .words = KEPT};
	a->from = (frame - 8 * TRAP_WORDS - size) & ~(uintptr_t)63;
	a->to = a->from + size;
	if (function && args_read(a, l, &l->types[function->type]))
		return;
	a->words = ALL;
	a->vectors = true;
}

bool gate_args_dead(const struct gate_args *a, uintptr_t at)
{
	uintptr_t word = (a->frame - at) / 8 - 1;

	if (at >= a->frame)
		return false;
	if (word < TRAP_WORDS)
		return !(a->words >> word & 1);
	return !(a->vectors && at - a->from < a->to - a->from);
}
