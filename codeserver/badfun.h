/* SPDX-License-Identifier: MIT
 *
 * Naming a stray jump into code that was purged.
 */
#ifndef HW_BADFUN_H
#define HW_BADFUN_H

#include "codeserver/guest.h"

/* V is about to be purged: notes where its functions are. The code server's
 * thread. */
void badfun_remember(const struct hw_mod *m, const struct hw_version *v);
/* V's code is accessible again; or its place is another's. */
void badfun_forget(const struct hw_version *v);

#endif
