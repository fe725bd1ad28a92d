/* SPDX-License-Identifier: MIT
 *
 * purge, soft_purge, delete as somebody orders them. The code server's thread.
 */
#ifndef HW_PURGING_H
#define HW_PURGING_H

#include "codeserver/hunt.h"
#include "codeserver/order.h"

struct purging {
	/* in */
	struct hw_mod **mods; /* the caller's */
	size_t n;
	bool soft;
	unsigned deadline_ms;
	pid_t caller;
	void (*done)(struct purging *p, int result);
	/* out: 0, or -1 and hunt.failure. Soft: whether all went; else whether
	 * anybody was ended. The rest is in HUNT. */
	bool purged;
	struct hunt hunt;
	/* ours */
	struct order order;
	struct server_timer patience; /* while it waits for its turn */
	uint64_t deadline;
};

/* DONE may be called inside. */
void purging_submit(struct purging *p);
void purging_free(struct purging *p); /* not mods */

/*
 * Current becomes old; calls then load the module anew, or are undef. 1, 0: it
 * has old code, or is deleted already; -1 and *f: sticky_directory, or out of
 * memory. Does not wait for orders at work on the module.
 */
int module_delete(struct hw_mod *m, struct hw_failure *f);

#endif
