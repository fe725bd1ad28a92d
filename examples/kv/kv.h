/* SPDX-License-Identifier: MIT
 *
 * Between main.c, which talks to clients, and kv.c, which keeps what they put.
 */
#ifndef KV_H
#define KV_H

#include <hotwatch/gen_server.h>

enum {
	LINE = 256
};

/*
 * The server's callbacks. A request is a line: "put KEY VALUE" (KEY has no
 * space) or "get KEY"; the answer is the value that KEY had, or "none".
 */
const struct hw_gen_server *kv(void);

#endif
