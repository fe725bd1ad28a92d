/* SPDX-License-Identifier: MIT
 *
 * One at a time for each module: loads, purges and deletes that take their time
 * (a holder's end, an on_load) keep others of the same modules waiting, in the
 * order they came, and nobody else. The code server's thread.
 */
#ifndef HW_ORDER_H
#define HW_ORDER_H

#include "codeserver/guest.h"

struct order {
	void (*start)(struct order *o); /* once all of MODS are free */
	struct hw_mod **mods;           /* the caller's; may be empty */
	size_t n;
	bool started;
	struct order *next; /* ours */
};

/* Starts it, now or later. */
void order_submit(struct order *o);
/* It waits no more, if it has not started. */
void order_cancel(struct order *o);
/* One that has started wants M as well, for which its MODS has room. False: M
 * is another's at the moment; to wait with modules in hand might be for ever.
 */
bool order_take(struct order *o, struct hw_mod *m);
/* It is done with its modules: others may start, inside this call. */
void order_end(struct order *o);

void orders_forked(void);

#endif
