/* SPDX-License-Identifier: MIT
 *
 * Emulated thread-locals; see emutls.c, emutls-move.c for those whose layout
 * changed, and emutls-try.c for whether it may.
 */
#ifndef HW_EMUTLS_H
#define HW_EMUTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hw_program;
struct plan;

/* The compiler's layout: LLVM, lib/CodeGen/LowerEmuTLS.cpp. */
struct emutls_control {
	size_t size, align;
	uintptr_t index; /* 0: no thread has asked yet; negative: placed */
	const void *initial;
};

void emutls_start(void);

/* Gives the program's thread-locals their places in its block. Before a second
 * thread is there. */
void emutls_place(const struct hw_program *p);

/* What hot code calls to reach a thread-local. CONTROL: the compiler's. */
void *hw_emutls_get_address(void *control);

/* The code server's thread: SIZE bytes of what the thread with that thread
 * pointer has under number INDEX. False: nothing, or it is gone. */
bool emutls_peek(uintptr_t thread, uintptr_t index, void *to, size_t size);

/* --- emutls-move.c -------------------------------------------------------- */

/* Whose copies another thread-local's are made from. Never freed. */
struct emutls_move {
	uintptr_t index;
	struct emutls_control was; /* as it was then */
	const unsigned char *base; /* what a copy of WAS began with */
	size_t size;
	const struct plan *plan; /* NULL: the bytes as they are */
	struct emutls_move *next;
};

/* A number for a control object. Any thread. */
uintptr_t emutls_index(void);

/* The code server's thread, while nobody uses either: NOW takes over from WAS.
 * PLAN (NULL: same type) is taken, and all it refers to must stay. MOVE is to
 * be filled: it comes from the caller, so that this cannot fail. */
void emutls_move(struct emutls_move *move, struct emutls_control *now,
		 const struct emutls_control *was, const struct plan *plan,
		 const unsigned char *base);
/* Any thread: whose copies number INDEX's are made from, or NULL. */
const struct emutls_move *emutls_moved(uintptr_t index);
/* Makes of OLD, this thread's copy until now, what FRESH is to be, which has
 * its initial value. No malloc, no lock. */
void emutls_convert(const struct emutls_move *m, const void *old, void *fresh);

/* --- emutls-try.c --------------------------------------------------------- */

/* A copy that its new type cannot hold. */
struct emutls_misfit {
	int tid;
	char why[300]; /* for the user: "its value is 70000, which ..." */
};

/* The code server's thread, while nobody uses either: whether each thread's
 * copy of WAS can become one of NOW by PLAN, as emutls_convert will have it. 0,
 * -1 and M, or -ENOMEM. */
int emutls_try(const struct emutls_control *was,
	       const struct emutls_control *now, const struct plan *plan,
	       const unsigned char *base, struct emutls_misfit *m);

#endif
