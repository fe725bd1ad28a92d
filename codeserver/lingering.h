/* SPDX-License-Identifier: MIT
 *
 * Versions that nothing holds any more go by themselves. The code server's
 * thread.
 */
#ifndef HW_LINGERING_H
#define HW_LINGERING_H

/* Something was published or deleted: there may be something to purge. */
void lingering_loaded(void);

void lingering_forked(void);

#endif
