/* SPDX-License-Identifier: MIT
 *
 * A load as somebody orders it: with a policy for old versions that are held,
 * with on_load, when its modules are free. The code server's thread.
 */
#ifndef HW_LOADING_H
#define HW_LOADING_H

#include "codeserver/gate.h"
#include "codeserver/hunt.h"
#include "codeserver/load.h"
#include "codeserver/onload.h"
#include "codeserver/order.h"

enum on_held {
	HELD_LINGER, /* keep what is held, go on */
	HELD_REFUSE, /* not_purged */
	HELD_KILL    /* end the processes that hold, once the rest is good */
};

#define HELD_DEADLINE_MS 5000

struct loading {
	/* in */
	struct load_item *items; /* the caller's, with their strings */
	size_t n;
	bool force;
	bool atomic;     /* on_load is not allowed */
	bool only_first; /* if it is loaded when its turn comes: done */
	enum on_held on_held;
	unsigned deadline_ms;
	bool down;         /* it leads back to an older version */
	const char *extra; /* for a code_change, or NULL */
	pid_t caller;      /* the thread that waits; 0: none */
	void (*done)(struct loading *l, int result);
	/* out */
	struct hw_failure failure;
	struct load_times times;
	const struct hw_mod **held; /* not_purged: the modules */
	size_t nheld;
	struct hunt hunt; /* what was purged, who was ended, who holds */
	/* ours */
	struct order order;
	struct load_set *set;
	struct hw_mod **mods, **old; /* all; those with old versions */
	size_t nold;
	struct on_load on_load;
	struct gate gate;
};

/* The slow half, at once: files are judged and mapped. 0, or -1 and failure.
 * Without it loading_submit does it. */
int loading_prepare(struct loading *l);

/* DONE is called when it is published or has failed, maybe inside. */
void loading_submit(struct loading *l);

/* What was prepared or is done; not in between. Not the items. */
void loading_free(struct loading *l);

#endif
