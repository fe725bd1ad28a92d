/* SPDX-License-Identifier: MIT
 *
 * A look at every thread of the program: does its stack or do its registers
 * hold a word that points into one of some address ranges?
 */
#ifndef HW_THREADS_H
#define HW_THREADS_H

#include "codeserver/guest.h"

#define THREADS_RANGES 64

/* At the start, and in a forked child. */
void threads_start(void);

/*
 * Sets held[i] to true where a thread has, or may have, a word in ranges[i]
 * (at most THREADS_RANGES). What could not be seen counts as held. The code
 * server's own thread is left out. 0, or -1: the threads could not be listed.
 */
int threads_look(const struct hw_hidden *ranges, size_t n, bool *held);

/* After a look: the dead ends of stacks, below each thread's stack pointer,
 * that a search of memory passes over: what is there is no holder. */
size_t threads_dead(const struct hw_span **spans);

#endif
