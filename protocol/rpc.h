/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC 2.0 over frames, both directions on one connection, no I/O of its
 * own: the owner feeds what it read and is handed what to write.
 *
 * One hw_rpc belongs to one thread. Callbacks run inside hw_rpc_feed (or
 * hw_rpc_close); they may call anything here but hw_rpc_free.
 */
#ifndef HW_RPC_H
#define HW_RPC_H

#include <stddef.h>

struct cJSON;
struct hw_rpc;
struct hw_request;

enum { /* JSON-RPC 2.0, section 5.1; -32800 from LSP; -32000 ours */
	HW_RPC_PARSE_ERROR = -32700,
	HW_RPC_INVALID_REQUEST = -32600,
	HW_RPC_METHOD_NOT_FOUND = -32601,
	HW_RPC_INVALID_PARAMS = -32602,
	HW_RPC_INTERNAL_ERROR = -32603,
	HW_RPC_CANCELLED = -32800,
	HW_RPC_REFUSED = -32000, /* data.reason says why, in one word */
	HW_RPC_CLOSED = -32001   /* never sent: the connection went away */
};

/*
 * A method. PARAMS (may be NULL) belongs to the library. REQ is NULL for a
 * notification; else it must be answered once, now or later, with
 * hw_rpc_reply or hw_rpc_fail, unless the connection closes before. USER is
 * that of hw_rpc_new.
 */
typedef void hw_rpc_handler(struct hw_request *req, const struct cJSON *params,
			    void *user);
struct hw_rpc_method {
	const char *name; /* "code/load"; the table ends with a NULL name */
	hw_rpc_handler *call;
};

/* Hands over LEN bytes to be written in order; copies what it keeps. */
typedef void hw_rpc_write(const void *data, size_t len, void *user);

/* NULL: out of memory. METHODS must outlive it. */
struct hw_rpc *hw_rpc_new(const struct hw_rpc_method *methods,
			  hw_rpc_write *write, void *user);
void hw_rpc_free(struct hw_rpc *r); /* pending calls are dropped silently */

/*
 * 0, or -1 when the connection must be closed (the error answer, if the
 * specification wants one, has been handed to write already).
 */
int hw_rpc_feed(struct hw_rpc *r, const void *data, size_t len);

/* Ends all pending calls with HW_RPC_CLOSED. Call before hw_rpc_free. */
void hw_rpc_close(struct hw_rpc *r);

/*
 * Calls the other side. PARAMS is consumed, may be NULL. DONE gets RESULT, or
 * NULL and ERROR ({code, message, data}), both the library's.
 */
typedef void hw_rpc_done(const struct cJSON *result, const struct cJSON *error,
			 void *arg);
int hw_rpc_call(struct hw_rpc *r, const char *method, struct cJSON *params,
		hw_rpc_done *done, void *arg);
int hw_rpc_notify(struct hw_rpc *r, const char *method, struct cJSON *params);

/* Answers. RESULT and DATA are consumed and may be NULL (null; absent). A
 * batch (an array) is refused with HW_RPC_INVALID_REQUEST. REQ may be NULL: a
 * method that was called as a notification answers nobody. */
void hw_rpc_reply(struct hw_request *req, struct cJSON *result);
void hw_rpc_fail(struct hw_request *req, int code, const char *message,
		 struct cJSON *data);

/* USER of the connection a request came on; NULL once that is freed. A late
 * answer is dropped then: hw_request outlives the connection safely. */
void *hw_request_user(const struct hw_request *req);

#endif
