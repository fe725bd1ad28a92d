/* SPDX-License-Identifier: MIT
 *
 * What the methods that load share: a load that was asked for on the socket,
 * at once (methods-load.c) or in two steps (methods-prepare.c). The code
 * server's thread.
 */
#ifndef HW_METHODS_LOAD_H
#define HW_METHODS_LOAD_H

#include "codeserver/loading.h"
#include "protocol/json.h"
#include "protocol/rpc.h"

struct load_request {
	struct loading loading;
	struct hw_request *req; /* that is to be answered next */
	bool single;
	/* methods-prepare.c: */
	long number;      /* as it is called until it is finished */
	const void *user; /* the connection that it was prepared on */
	struct load_request *next;
	struct load_item items[];
};

/* One with the "modules" of PARAMS; its end answers REQ. NULL: REQ was
 * answered. */
struct load_request *load_request_read(struct hw_request *req,
				       const cJSON *params);
/* Answers with what the loading failed of. */
void load_request_fail(struct load_request *r);
/* What was not finished is closed. */
void load_request_free(struct load_request *r);

#endif
