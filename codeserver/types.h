/* SPDX-License-Identifier: MIT
 *
 * The types that a version's object describes. The code server's thread.
 */
#ifndef HW_TYPES_H
#define HW_TYPES_H

#include "codeserver/image.h"
#include "codeserver/layout.h"

struct hw_types;

/* Of a file that was judged; -1: it does not say, or not as we understand. */
int types_of_file(struct layout *l, const struct hw_checked *c);

/* Those of V; NULL: not known. Opened when first asked for, and kept until
 * types_forget. */
const struct layout *types_of(struct hw_version *v);
/* V was made of C, whose mapping is V's from now on. 0, or -1: out of memory.
 */
int types_keep(struct hw_version *v, struct hw_checked *c);
void types_forget(struct hw_version *v);
/* What types_of gave stays when V goes. */
void types_pin(struct hw_version *v);

#endif
