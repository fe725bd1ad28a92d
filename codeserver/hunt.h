/* SPDX-License-Identifier: MIT
 *
 * A hard purge: the old versions of some modules go, processes that hold them
 * are ended for it. The code server's thread; takes its time, blocks nobody.
 */
#ifndef HW_HUNT_H
#define HW_HUNT_H

#include "codeserver/guest.h"
#include "codeserver/holders.h"
#include "codeserver/include/hotwatch/process.h"
#include "codeserver/purge.h"
#include "codeserver/server.h"

struct victim {
	hw_pid pid;
	pid_t tid;
	const struct hw_mod *mod; /* what it held */
	unsigned version;
};

struct hunt {
	struct hw_mod *const *mods; /* the caller's */
	size_t n;
	unsigned deadline_ms;
	pid_t caller; /* the thread that waits for it; 0: none */
	void (*done)(struct hunt *h, int result);
	/* out: what was purged, who was ended; with result -1, why it was
	 * given up (foreign_holder, deadline) and who still holds */
	struct fates fates;
	struct victim *victims;
	size_t nvictims;
	struct hw_failure failure;
	struct holder *holders;
	size_t nholders;
	/* ours */
	struct server_timer timer;
	uint64_t deadline;
	unsigned wait;
	size_t exits; /* processes that have ended since it began to kill */
	unsigned last_waits; /* for the threads of victims that have ended */
	struct hunt *next;
};

/* DONE may be called inside. */
void hunt_start(struct hunt *h);
/* Who holds the old versions of MODS, in holders. 0, or -1: it could not be
 * seen. */
int hunt_list(struct hunt *h);
/* A sentence about the first of them that keeps a version from going. */
const char *hunt_blocker(const struct hunt *h);
void hunt_free(struct hunt *h);
/* In a child: nobody waits for the parent's. */
void hunts_forked(void);

#endif
