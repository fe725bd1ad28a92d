/* SPDX-License-Identifier: MIT
 *
 * What check.c does for check-set.c.
 */
#ifndef WATCHER_CHECK_SET_H
#define WATCHER_CHECK_SET_H

struct check_image;
struct check_result;
struct strmap;

/* One module, both sides; see struct check_pair for USERS. */
void check_images(const struct check_image *was, const struct check_image *is,
		  const struct strmap *users, struct check_result *r);

#endif
