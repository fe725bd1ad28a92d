/* SPDX-License-Identifier: MIT
 *
 * What daemon.c (the socket and its clients) and daemon-methods.c share.
 */
#ifndef WATCHER_DAEMON_INTERNAL_H
#define WATCHER_DAEMON_INTERNAL_H

#include "protocol/rpc.h"
#include "watcher/engine-internal.h"

extern const struct hw_rpc_method daemon_methods[];

/* USER is what a method is called with: its client. NULL, and the call is
 * answered, if the watcher is ending. */
struct engine *daemon_engine(struct hw_request *req, void *user);
void daemon_subscribe(void *user);
void daemon_refuse(struct hw_request *req, const char *reason,
		   const char *message);

#endif
