/* SPDX-License-Identifier: MIT
 *
 * See message.h. What each malformed message deserves stands in JSON-RPC 2.0,
 * sections 4 and 5. Where real clients are laxer than the text we are too, if
 * nothing can be mistaken: "params": null is no params, and an "error": null
 * next to a result (JSON-RPC 1.0) is none.
 *
 * An answer is never answered, however bad it is: two sides that did would
 * send errors to each other for ever.
 *
 * Ids must go back as they came. cJSON writes large whole numbers with an
 * exponent (1.7e+15), which many clients read as another type; so whole ids
 * are written as such, below the 2^53 that a double can tell apart. Larger
 * ones are refused, not rounded.
 */
#include "protocol/message.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/rpc.h"

#define ID_MAX ((double)((1ll << 53) - 1))

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *member_not_null(const cJSON *object, const char *name)
{
	const cJSON *item = member(object, name);

	return cJSON_IsNull(item) ? NULL : item;
}

/* --- reading ------------------------------------------------------------- */

static void bad(struct rpc_message *m, int code, const char *why)
{
	m->kind = HW_MESSAGE_BAD;
	m->code = code;
	m->why = why;
}

static int id_is_usable(const cJSON *id)
{
	if (cJSON_IsNumber(id))
		return id->valuedouble <= ID_MAX && id->valuedouble >= -ID_MAX;
	return cJSON_IsString(id) || cJSON_IsNull(id);
}

static void judge_request(struct rpc_message *m, const cJSON *method)
{
	const cJSON *params = member_not_null(m->root, "params");

	if (!cJSON_IsString(method)) {
		bad(m, HW_RPC_INVALID_REQUEST, "method must be a string");
		return;
	}
	if (params && !cJSON_IsObject(params) && !cJSON_IsArray(params)) {
		bad(m, HW_RPC_INVALID_REQUEST,
		    "params must be an object or an array");
		return;
	}
	m->method = method->valuestring;
	m->params = params;
	m->kind = m->id ? HW_MESSAGE_CALL : HW_MESSAGE_NOTIFY;
}

static void judge_object(struct rpc_message *m)
{
	const cJSON *version = member(m->root, "jsonrpc");
	const cJSON *method = member(m->root, "method");
	const cJSON *id = member(m->root, "id");

	if (!id || id_is_usable(id))
		m->id = id;
	if (!method) {
		m->error = member_not_null(m->root, "error");
		m->result = m->error ? NULL : member(m->root, "result");
		if (m->error || m->result) {
			m->kind = HW_MESSAGE_ANSWER;
			return;
		}
	}
	if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0"))
		bad(m, HW_RPC_INVALID_REQUEST, "jsonrpc must be \"2.0\"");
	else if (id != m->id)
		bad(m, HW_RPC_INVALID_REQUEST,
		    "id must be a string or a number below 2^53");
	else
		judge_request(m, method);
}

void rpc_message_parse(struct rpc_message *m, const char *body, size_t len)
{
	memset(m, 0, sizeof(*m));
	/* cJSON takes a NUL for white space */
	if (!memchr(body, '\0', len))
		m->root = cJSON_ParseWithLengthOpts(body, len + 1, NULL, 1);
	if (!m->root)
		bad(m, HW_RPC_PARSE_ERROR, "the body is not JSON");
	else if (cJSON_IsArray(m->root))
		bad(m, HW_RPC_INVALID_REQUEST, "batches are not supported");
	else if (!cJSON_IsObject(m->root))
		bad(m, HW_RPC_INVALID_REQUEST, "a message must be an object");
	else
		judge_object(m);
}

void rpc_message_free(struct rpc_message *m)
{
	cJSON_Delete(m->root);
	memset(m, 0, sizeof(*m));
}

/* --- writing ------------------------------------------------------------- */

cJSON *rpc_message_id(const cJSON *id)
{
	char text[32];
	double v;

	if (!id)
		return cJSON_CreateNull();
	v = id->valuedouble;
	if (!cJSON_IsNumber(id) || v != (double)(int64_t)v)
		return cJSON_Duplicate(id, 1);
	snprintf(text, sizeof(text), "%" PRId64, (int64_t)v);
	return cJSON_CreateRaw(text);
}

/* Consumes ITEM, which may be NULL: memory was out when it was made. */
static int add(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static char *frame(const char *body, size_t *len)
{
	size_t n = strlen(body);
	char header[48], *out;
	int h;

	*len = n;
	if (n > HW_FRAME_MAX)
		return NULL;
	h = hw_frame_header(header, n);
	out = malloc((size_t)h + n);
	if (!out) {
		*len = 0;
		return NULL;
	}
	memcpy(out, header, (size_t)h);
	memcpy(out + h, body, n);
	*len = (size_t)h + n;
	return out;
}

/* Consumes ROOT. FAILED: a part could not be added to it. */
static char *finish(cJSON *root, int failed, size_t *len)
{
	char *body = failed ? NULL : cJSON_PrintUnformatted(root), *out = NULL;

	*len = 0;
	cJSON_Delete(root);
	if (body)
		out = frame(body, len);
	cJSON_free(body);
	return out;
}

/* {"jsonrpc": "2.0"} */
static cJSON *message_new(void)
{
	cJSON *root = cJSON_CreateObject();

	if (root && add(root, "jsonrpc", cJSON_CreateString("2.0"))) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}

char *rpc_message_call(const char *method, const cJSON *id, cJSON *params,
		       size_t *len)
{
	cJSON *root = message_new();
	int failed = !root || (id && add(root, "id", rpc_message_id(id))) ||
		     add(root, "method", cJSON_CreateString(method));

	if (failed)
		cJSON_Delete(params);
	else if (params)
		failed = add(root, "params", params);
	return finish(root, failed, len);
}

char *rpc_message_result(const cJSON *id, cJSON *result, size_t *len)
{
	cJSON *root = message_new();
	int failed = !root || add(root, "id", rpc_message_id(id));

	if (failed)
		cJSON_Delete(result);
	else
		failed =
		    add(root, "result", result ? result : cJSON_CreateNull());
	return finish(root, failed, len);
}

static cJSON *error_object(int code, const char *message, cJSON *data)
{
	cJSON *error = cJSON_CreateObject();
	int failed = !error || add(error, "code", cJSON_CreateNumber(code)) ||
		     add(error, "message", cJSON_CreateString(message));

	if (failed)
		cJSON_Delete(data);
	else if (data)
		failed = add(error, "data", data);
	if (!failed)
		return error;
	cJSON_Delete(error);
	return NULL;
}

char *rpc_message_error(const cJSON *id, int code, const char *message,
			cJSON *data, size_t *len)
{
	cJSON *root = message_new();
	int failed = !root || add(root, "id", rpc_message_id(id));

	if (failed)
		cJSON_Delete(data);
	else
		failed = add(root, "error", error_object(code, message, data));
	return finish(root, failed, len);
}
