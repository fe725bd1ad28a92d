/* SPDX-License-Identifier: MIT
 *
 * A JSON-RPC connection on the loop: to the editor, over stdin and stdout, and
 * to the watcher, over its socket. Loop thread only.
 */
#ifndef WATCHER_LSP_WIRE_H
#define WATCHER_LSP_WIRE_H

#include <stdbool.h>
#include <uv.h>

#include "protocol/rpc.h"

struct wire;

struct wire_callbacks {
	void (*up)(void *arg); /* wire_connect succeeded */
	/* It is over, or never was; WHY is for a person. wire_close is still
	 * to be called. At most once. */
	void (*down)(const char *why, void *arg);
	/* NULL, or: all that was written has been taken. */
	void (*drained)(void *arg);
};

/* The USER of METHODS is the wire. Never NULL. */
struct wire *wire_new(uv_loop_t *loop, const struct hw_rpc_method *methods,
		      const struct wire_callbacks *callbacks, void *arg);

/* Reads from the descriptor IN, writes to OUT: pipes or sockets, which are
 * this wire's from then on. -1 and *err if they are anything else. */
int wire_open(struct wire *w, int in, int out, char **err);

/* The socket at PATH; up or down tells how it went, also from within. */
void wire_connect(struct wire *w, const char *path);

/* Calls that wait are answered with HW_RPC_CLOSED, no callback comes after;
 * its memory goes when the loop has run. NULL is fine. */
void wire_close(struct wire *w);

/* Something that was written is not taken yet; drained will be called. */
bool wire_is_behind(const struct wire *w);

struct hw_rpc *wire_rpc(struct wire *w);
void *wire_arg(const struct wire *w);

#endif
