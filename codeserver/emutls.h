/* SPDX-License-Identifier: MIT
 *
 * Emulated thread-locals; see emutls.c.
 */
#ifndef HW_EMUTLS_H
#define HW_EMUTLS_H

void emutls_start(void);

/* What hot code calls to reach a thread-local. CONTROL: the compiler's. */
void *hw_emutls_get_address(void *control);

#endif
