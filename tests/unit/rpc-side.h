/* SPDX-License-Identifier: MIT
 *
 * One end of a JSON-RPC connection for the tests of protocol/rpc.h: what it
 * wants written is kept as a string, and what a peer would send is fed from
 * one. The methods are test/echo (answers its params), test/fail (an error with
 * data), test/hold (leaves the request in held). Also for guests (-DHW_GUEST).
 */
#ifndef TESTS_RPC_SIDE_H
#define TESTS_RPC_SIDE_H

#include <stdlib.h>

#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/rpc.h"
#include "tests/unit/check.h"

#ifdef HW_GUEST
__attribute__((constructor)) static void load_json(void)
{
	if (hw_json_load())
		fputs("# libcjson.so.1 cannot be loaded\n", stderr);
}
#endif

/* One end of a connection; OUT is what it wants written, as a string. */
struct side {
	struct hw_rpc *rpc;
	char *out;
	size_t len, cap;
	struct hw_request *held; /* by "hold" */
	int calls;               /* handlers run */
	char last[256];          /* what the last DONE got */
	int done;                /* DONEs run */
};

static inline void side_write(const void *data, size_t len, void *user)
{
	struct side *s = user;

	if (s->len + len >= s->cap) {
		s->cap = (s->len + len + 1) * 2;
		s->out = realloc(s->out, s->cap);
	}
	memcpy(s->out + s->len, data, len);
	s->len += len;
	s->out[s->len] = '\0';
}

/* Answers with its params. */
static inline void do_echo(struct hw_request *req, const struct cJSON *params,
			   void *user)
{
	((struct side *)user)->calls++;
	if (req)
		hw_rpc_reply(req, params ? cJSON_Duplicate(params, 1) : NULL);
}

static inline void do_fail(struct hw_request *req, const struct cJSON *params,
			   void *user)
{
	cJSON *data = cJSON_CreateObject();

	(void)params;
	((struct side *)user)->calls++;
	cJSON_AddStringToObject(data, "reason", "badfile");
	hw_rpc_fail(req, HW_RPC_REFUSED, "no", data);
}

/* Is answered later, by whoever looks at held. */
static inline void do_hold(struct hw_request *req, const struct cJSON *params,
			   void *user)
{
	struct side *s = user;

	(void)params;
	CHECK(hw_request_user(req) == user);
	s->held = req;
}

#define SIDE_METHODS                                    \
	{"test/echo", do_echo}, {"test/fail", do_fail}, \
	{                                               \
		"test/hold", do_hold                    \
	}

static const struct hw_rpc_method side_methods[] = {SIDE_METHODS, {NULL, NULL}};

static inline void side_open(struct side *s,
			     const struct hw_rpc_method *methods)
{
	memset(s, 0, sizeof(*s));
	s->rpc = hw_rpc_new(methods, side_write, s);
	side_write("", 0, s);
}

static inline void side_end(struct side *s)
{
	hw_rpc_free(s->rpc);
	free(s->out);
}

/* What a peer would have sent: BODY in a frame. */
static inline int feed_body(struct side *s, const char *body)
{
	char header[48];
	int n = hw_frame_header(header, strlen(body));

	if (hw_rpc_feed(s->rpc, header, (size_t)n))
		return -1;
	return hw_rpc_feed(s->rpc, body, strlen(body));
}

/* OUT holds exactly one frame with BODY ("" for none); then empties it. */
static inline bool wrote(struct side *s, const char *body)
{
	char want[4096];
	int n = 0;
	bool same;

	if (*body)
		n = hw_frame_header(want, strlen(body));
	snprintf(want + n, sizeof(want) - (size_t)n, "%s", body);
	same = CHECK_STR_EQ(s->out, want);
	s->len = 0;
	s->out[0] = '\0';
	return same;
}

static inline void keep_done(const struct cJSON *result,
			     const struct cJSON *error, void *arg)
{
	struct side *s = arg;
	char *text = cJSON_PrintUnformatted(result ? result : error);

	CHECK((result == NULL) != (error == NULL));
	snprintf(s->last, sizeof(s->last), "%s %s", result ? "result" : "error",
		 text);
	cJSON_free(text);
	s->done++;
}

/* Messages, as text. */
#define OK(id, result) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERR(id, code, message)                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code \
	",\"message\":\"" message "\"}}"
#define V "\"jsonrpc\":\"2.0\""

#define ECHO(id) "{" V ",\"id\":" id ",\"method\":\"test/echo\"}"

#endif
