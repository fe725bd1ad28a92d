/* SPDX-License-Identifier: MIT
 *
 * The server's side of jobs.c. All but jobs_forked: the code server's thread.
 */
#ifndef HW_JOBS_H
#define HW_JOBS_H

#include <stdbool.h>

/* From now on posts wake this thread. The descriptor to poll, or -1: there is
 * none to be had (jobs_wait serves then). */
int jobs_open(void);

/* Runs what was posted. */
void jobs_run(void);
bool jobs_waiting(void);

/* Instead of poll, where there are no descriptors: until the next post, at
 * most MS (-1: for ever). */
void jobs_wait(int ms);

/* After the descriptor became readable. */
void jobs_woken(int fd);

void jobs_forked(void);

#endif
