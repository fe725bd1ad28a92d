/* SPDX-License-Identifier: MIT
 *
 * From one frame to its caller's, to the outermost.
 */
#ifndef HW_UNWIND_H
#define HW_UNWIND_H

#include "codeserver/cfi.h"

struct unwind {
	/* in; used up */
	uint64_t reg[CFI_REGS]; /* CFI_RSP and CFI_RIP always known */
	uint32_t known;
	/* Reads 8 bytes of the thread's stack. 0 or -1. */
	int (*read)(const void *arg, uintptr_t at, uint64_t *value);
	/* Hears of each frame, innermost first: its program counter (of a
	 * caller the return address) and where its caller's begins. */
	void (*frame)(const void *arg, uintptr_t pc, uintptr_t cfa);
	const void *arg;
	/* out */
	bool whole;    /* came to the thread's outermost frame */
	bool guessed;  /* rbp was worked out from a prologue on the way */
	uintptr_t top; /* where the last frame ends */
};

/* 0, or -1: it came to a frame that cannot be left; those before were told. */
int unwind_run(struct unwind *u);

/* Rows are remembered from frame to frame and thread to thread; not from one
 * look to the next, because objects come and go. */
void unwind_forget(void);

#endif
