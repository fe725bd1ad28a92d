/* SPDX-License-Identifier: MIT
 *
 * Whether every thread's copy of a thread-local fits its new type. A copy is
 * converted by its own thread, when that first asks for the new one
 * (emutls-move.c): then it is too late to refuse. So it is tried before the
 * publish, behind the gate (gate.h), when nobody is in code that could write
 * to one: the code server reads all threads' copies and converts them into
 * memory that is thrown away.
 *
 * Other threads' memory is read by process_vm_readv: one that ends meanwhile
 * takes its copies along, and what cannot be read is nobody's any more. A
 * thread that has not asked for its copy yet has it of the change before, or of
 * the one before that; what it would make of it then is tried.
 *
 * A copy's bytes may be addresses, which the heap must not keep (gate-look.c
 * would find them): they are wiped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/emutls.h"
#include "codeserver/leaf.h"
#include "codeserver/stacks.h"
#include "codeserver/threads.h"

struct trying {
	const struct emutls_control *was;
	const struct plan *plan;
	const unsigned char *base;
	unsigned char *old, *fresh;
	struct emutls_misfit *misfit;
};

static void wipe(unsigned char *bytes, size_t size)
{
	if (bytes)
		explicit_bzero(bytes, size);
	free(bytes);
}

/* What the thread at THREAD has, or would make, of number INDEX, of which C is
 * the control. 1: it is in TO; 0: it has none; -ENOMEM. */
static int copy_read(uintptr_t thread, const struct emutls_control *c,
		     uintptr_t index, unsigned char *to)
{
	const struct emutls_move *m;
	unsigned char *old;
	int r;

	if (emutls_peek(thread, index, to, c->size))
		return 1;
	m = emutls_moved(index);
	if (!m)
		return 0;
	old = malloc(m->was.size + 1);
	r = old ? copy_read(thread, &m->was, m->was.index, old) : -ENOMEM;
	if (r > 0) {
		memset(to, 0, c->size);
		if (c->initial)
			memcpy(to, c->initial, c->size);
		emutls_convert(m, old, to);
	}
	wipe(old, m->was.size);
	return r;
}

static int leaf_try(const struct plan_leaf *leaf, void *arg)
{
	struct trying *t = arg;
	struct leaf l = leaf_of(&leaf->step->from, leaf->from);

	if (leaf_equal(&l, t->old, t->base))
		return 0;
	return layout_convert(t->plan, leaf, t->old, t->fresh, t->misfit->why,
			      sizeof(t->misfit->why));
}

static int thread_try(void *arg, pid_t tid)
{
	struct trying *t = arg;
	uintptr_t thread = stacks_thread_pointer(tid);
	int r = thread ? copy_read(thread, t->was, t->was->index, t->old) : 0;

	t->misfit->tid = tid;
	return r > 0 ? layout_leaves(t->plan, leaf_try, t) : r;
}

int emutls_try(const struct emutls_control *was,
	       const struct emutls_control *now, const struct plan *plan,
	       const unsigned char *base, struct emutls_misfit *m)
{
	struct trying t = {.was = was,
			   .plan = plan,
			   .base = base,
			   .old = malloc(was->size + 1),
			   .fresh = calloc(1, now->size + 1),
			   .misfit = m};
	int r = t.old && t.fresh ? threads_each(thread_try, &t) : -ENOMEM;

	wipe(t.old, was->size);
	wipe(t.fresh, now->size);
	return r;
}
