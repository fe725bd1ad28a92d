/* SPDX-License-Identifier: MIT
 *
 * A thread for what must be begun inside the program.
 */
#ifndef HW_HELPER_H
#define HW_HELPER_H

/* The code server's thread, before it leaves the program's descriptors. */
void helper_start(void);

/* The code server's thread: run(arg) in the helper, and waits for it. RUN must
 * not wait for anybody. */
void helper_run(void (*run)(void *arg), void *arg);

#endif
