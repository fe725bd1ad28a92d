/* SPDX-License-Identifier: MIT
 *
 * A linker that is started before there is anything to link.
 *
 * Loop thread, but for warm_feed, which any one thread may call while nobody
 * else touches W.
 */
#ifndef WATCHER_WARM_H
#define WATCHER_WARM_H

#include "watcher/proc.h"

#include <stdint.h>
#include <uv.h>

struct modlink;
struct warm;

/*
 * Starts the link of M, whose object is not there yet (m->object is not
 * looked at). NULL: it could not be started, which is no harm.
 */
struct warm *warm_start(uv_loop_t *loop, struct modlink *m);

/* Gives it the object file PATH. -1: it does not take it; drop it and link
 * anew. Blocks for as long as the linker reads. */
int warm_feed(struct warm *w, const char *path);

/* DONE is called with its end, and W is gone then. */
void warm_wait(struct warm *w, proc_done *done, void *arg);
/* The same process, to be killed while it is waited for. */
struct proc *warm_proc(struct warm *w);

/* Kills it. NULL is allowed. */
void warm_drop(struct warm *w);

#endif
