/* SPDX-License-Identifier: MIT
 *
 * Which file each version of a module was loaded from: what a rollback needs
 * when the image is gone. The newest HISTORY_MAX of each module are known. The
 * code server's thread.
 */
#ifndef HW_HISTORY_H
#define HW_HISTORY_H

#include "codeserver/guest.h"

#define HISTORY_MAX 64

/* M's current version has just been published. Out of memory: not noted. */
void history_add(const struct hw_mod *m);

/*
 * The file of version NUMBER, or NULL: not known. NUMBER -1: of the newest
 * version before the current one that has another content; *NUMBER is it then.
 * The string is good until the next history_add.
 */
const char *history_file(const struct hw_mod *m, long *number);

/*
 * Where a rollback of M leads: the file of version TO, which must be here
 * still or be found by its name; -1: of the version before. NULL: *f says why
 * there is none.
 */
const char *rollback_file(const struct hw_mod *m, long to,
			  struct hw_failure *f);

/* The file loaded last, whatever is current now; NULL: none since the start. */
const char *history_last(const struct hw_mod *m);

#endif
