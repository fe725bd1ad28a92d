/* SPDX-License-Identifier: MIT
 *
 * A thread-local whose layout changed gets a new control object, as any
 * variable gets new storage, and a new number with it. No thread's copy is
 * touched by anybody else: when a thread first asks for the new one, its own is
 * converted from the one it had (which only old code can reach, and nobody is
 * in that: gate.h). A thread that never had one begins with the new initial
 * value.
 *
 * All copies were tried before (emutls-try.c), so what one holds fits its new
 * type. What its thread has written since, through a pointer that it kept, and
 * what of that does not fit, is lost: it is the new initial value then.
 *
 * The list only grows, one entry for each such change; it is read without a
 * lock, by threads that make a copy.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/emutls.h"
#include "codeserver/leaf.h"

static struct emutls_move *moves;

void emutls_move(struct emutls_move *move, struct emutls_control *now,
		 const struct emutls_control *was, const struct plan *plan,
		 const unsigned char *base)
{
	*move = (struct emutls_move){.index = emutls_index(),
				     .was = *was,
				     .base = base,
				     .size = now->size,
				     .plan = plan,
				     .next = moves};
	__atomic_store_n(&moves, move, __ATOMIC_RELEASE);
	__atomic_store_n(&now->index, move->index, __ATOMIC_RELEASE);
}

const struct emutls_move *emutls_moved(uintptr_t index)
{
	const struct emutls_move *m = __atomic_load_n(&moves, __ATOMIC_ACQUIRE);

	while (m && m->index != index)
		m = m->next;
	return m;
}

struct converting {
	const struct emutls_move *move;
	const unsigned char *old;
	void *fresh;
};

/* Three ways, as any variable: see migrate.c. */
static int leaf_convert(const struct plan_leaf *leaf, void *arg)
{
	const struct converting *c = arg;
	struct leaf l = leaf_of(&leaf->step->from, leaf->from);
	char why[200];

	if (!leaf_equal(&l, c->old, c->move->base))
		layout_convert(c->move->plan, leaf, c->old, c->fresh, why,
			       sizeof(why));
	return 0;
}

void emutls_convert(const struct emutls_move *m, const void *old, void *fresh)
{
	struct converting c = {m, old, fresh};

	if (m->plan)
		layout_leaves(m->plan, leaf_convert, &c);
	else if (m->was.size == m->size)
		memcpy(fresh, old, m->size);
}
