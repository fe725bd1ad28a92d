/* SPDX-License-Identifier: MIT
 *
 * Freeing versions that nothing needs any more.
 */
#ifndef HW_PURGE_H
#define HW_PURGE_H

#include <stdbool.h>

/* Whether there is an old version, or a replaced table, to look at. */
bool purge_wanted(void);

/*
 * Frees what is proven to be held by nothing: tables, then old versions; notes
 * on the others why they stay. BUSY: asked whether to give up and come back.
 * Returns how many versions went.
 */
unsigned purge_try(bool (*busy)(void *), void *arg);

#endif
