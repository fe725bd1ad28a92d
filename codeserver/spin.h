/* SPDX-License-Identifier: MIT
 *
 * A short watch of a futex's word before one sleeps on it: an answer that is
 * under way on another core comes sooner than the kernel puts a thread to sleep
 * and wakes it. Any thread; no lock, nothing is allocated. See spin.c.
 */
#ifndef HOTWATCH_CODESERVER_SPIN_H
#define HOTWATCH_CODESERVER_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* What a waiter knows; zeroed at first. */
struct spin {
	int from;         /* atomic: the core of who woke it last, and one */
	uint32_t waits;   /* its own thread's: since the last long watch */
	uint32_t between; /* so many at least */
};

/* The waiter's own thread. True: WORD is not SEEN any more. False: sleep. */
bool spin_while(struct spin *s, const uint32_t *word, uint32_t seen);

/* Any thread, before it changes the waiter's word. */
void spin_from_here(struct spin *s);

#endif
