/* SPDX-License-Identifier: MIT
 *
 * Emulated thread-locals; see emutls.c.
 */
#ifndef HW_EMUTLS_H
#define HW_EMUTLS_H

struct hw_program;

void emutls_start(void);

/* Gives the program's thread-locals their places in its block. Before a second
 * thread is there. */
void emutls_place(const struct hw_program *p);

/* What hot code calls to reach a thread-local. CONTROL: the compiler's. */
void *hw_emutls_get_address(void *control);

#endif
