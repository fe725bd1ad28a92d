/* SPDX-License-Identifier: MIT
 *
 * One JSON-RPC 2.0 message: text to meaning and back. For rpc.c alone; holds
 * no connection, keeps no state.
 */
#ifndef HW_MESSAGE_H
#define HW_MESSAGE_H

#include <stddef.h>

struct cJSON;

enum rpc_message_kind {
	HW_MESSAGE_CALL,
	HW_MESSAGE_NOTIFY,
	HW_MESSAGE_ANSWER,
	HW_MESSAGE_BAD /* to be answered with code and why */
};

struct rpc_message {
	enum rpc_message_kind kind;
	struct cJSON *root;                 /* owns all below */
	const struct cJSON *id;             /* NULL: none, or unusable */
	const char *method;                 /* CALL, NOTIFY */
	const struct cJSON *params;         /* or NULL */
	const struct cJSON *result, *error; /* ANSWER: one of them is set */
	int code;                           /* BAD */
	const char *why;
};

/* BODY: NUL-terminated. M is filled in every case; free it. */
void rpc_message_parse(struct rpc_message *m, const char *body, size_t len);
void rpc_message_free(struct rpc_message *m);

/*
 * A message with its header, malloc'd, *LEN bytes; NULL if memory is out or
 * *LEN (then not 0) is over HW_FRAME_MAX. All consume the JSON but ID.
 */
char *rpc_message_call(const char *method, const struct cJSON *id,
		       struct cJSON *params, size_t *len);
char *rpc_message_result(const struct cJSON *id, struct cJSON *result,
			 size_t *len);
char *rpc_message_error(const struct cJSON *id, int code, const char *message,
			struct cJSON *data, size_t *len);

/* An id (NULL: null) as it is to be written, or NULL: no memory. */
struct cJSON *rpc_message_id(const struct cJSON *id);

#endif
