/* SPDX-License-Identifier: MIT
 *
 * The watcher of one project, whoever runs it: it is found or started, asked
 * without waiting, and found or started again when it goes. Loop thread only.
 */
#ifndef WATCHER_LSP_LINK_H
#define WATCHER_LSP_LINK_H

#include <uv.h>

#include "protocol/rpc.h"

struct cJSON;
struct lsp_link;

struct lsp_link_callbacks {
	/* It answers; from now on what happens is told, beginning with what it
	 * remembers: CAUGHT_UP when that is done. */
	void (*up)(void *arg);
	void (*event)(const struct cJSON *event, void *arg);
	void (*caught_up)(void *arg);
	/* There is none, and WHY. Told once; it is tried again meanwhile. */
	void (*down)(const char *why, void *arg);
};

struct lsp_link *lsp_link_open(uv_loop_t *loop, const char *root,
			       const struct lsp_link_callbacks *callbacks,
			       void *arg);

/* A watcher that was started by it ends. Calls that wait get HW_RPC_CLOSED; no
 * callback comes after. NULL is fine. */
void lsp_link_close(struct lsp_link *l);

/* PARAMS is consumed. -1: there is no watcher now; DONE is not called. */
int lsp_link_ask(struct lsp_link *l, const char *method, struct cJSON *params,
		 hw_rpc_done *done, void *arg);

#endif
