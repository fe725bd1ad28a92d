/* SPDX-License-Identifier: MIT
 *
 * Forks and loads keep out of each other's way: a child that was forked in the
 * middle of a load would have half of one, and a dynamic linker in an unknown
 * state.
 */
#ifndef HW_FORKS_H
#define HW_FORKS_H

#include <stdbool.h>

/* Once, in the program's thread, after a first malloc. CHILD is called in each
 * forked child; UNSURE: a load was under way. */
void forks_start(void (*child)(bool unsure));

/* Around what a fork must not cut in half; may be nested. The code server's
 * thread only. It waits for a fork that is under way. */
void forks_hold(void);
void forks_let(void);

/* For other prepare handlers that take a lock which a load needs: what
 * forks_start's own do, once more. In the forking thread. */
void forks_prepare(void);
void forks_parent(void);

#endif
