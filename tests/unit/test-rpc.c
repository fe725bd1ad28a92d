/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC (protocol/rpc.h): the answer that each message deserves, and the
 * fate of the connection. Built twice: for the watcher, and as a guest.
 */
#include "tests/unit/rpc-side.h"

/* --- what each message deserves ------------------------------------------ */

struct exchange {
	const char *in, *out;
};

static void check_exchanges(const struct exchange *e, size_t n)
{
	struct side s;
	size_t i;

	side_open(&s, side_methods);
	for (i = 0; i < n; i++) {
		CHECK_INT_EQ(feed_body(&s, e[i].in), 0);
		if (!wrote(&s, e[i].out))
			check_print("after", e[i].in);
	}
	/* and the connection goes on */
	CHECK_INT_EQ(feed_body(&s, "{" V ",\"id\":0,\"method\":\"test/echo\"}"),
		     0);
	wrote(&s, OK("0", "null"));
	side_end(&s);
}

static void requests(void)
{
	static const struct exchange e[] = {
	    {"{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":{\"a\":1}}",
	     OK("1", "{\"a\":1}")},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":[1,2]}",
	     OK("1", "[1,2]")},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":null}",
	     OK("1", "null")},
	    {" {" V ",\"id\":1,\"method\":\"test/echo\"}\r\n", OK("1", "null")},
	    {"{" V ",\"id\":2,\"method\":\"test/fail\"}",
	     "{" V ",\"id\":2,\"error\":{\"code\":-32000,\"message\":\"no\","
	     "\"data\":{\"reason\":\"badfile\"}}}"},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void ids(void)
{
	static const struct exchange e[] = {
	    {ECHO("\"a \\\"b\\\"\""), OK("\"a \\\"b\\\"\"", "null")},
	    {ECHO("\"\""), OK("\"\"", "null")},
	    {ECHO("-7"), OK("-7", "null")},
	    {ECHO("1.5"), OK("1.5", "null")},
	    {ECHO("1700000000000000"), OK("1700000000000000", "null")},
	    {ECHO("9007199254740991"), OK("9007199254740991", "null")},
	    {ECHO("null"), OK("null", "null")},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void notifications(void)
{
	static const struct exchange e[] = {
	    {"{" V ",\"method\":\"test/echo\",\"params\":[1]}", ""},
	    {"{" V ",\"method\":\"test/unknown\"}", ""},
	    {"{" V ",\"method\":\"$/cancelRequest\",\"params\":{\"id\":1}}",
	     ""},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void bad_json(void)
{
#define PARSE ERR("null", "-32700", "the body is not JSON")
	static const struct exchange e[] = {
	    {"{" V ",\"method\":\"test/echo\",\"params\":\"x", PARSE},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\"} x", PARSE},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\"}{}", PARSE},
	    {"hello", PARSE},
	    {"", PARSE},
	    {"[", PARSE},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void nuls_are_not_json(void)
{
	static const char in[] = "Content-Length: 3\r\n\r\n{}\0";
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, in, sizeof(in) - 1), 0);
	wrote(&s, PARSE);
	side_end(&s);
}

static void deep_nesting(void)
{
	enum {
		DEPTH = 100000
	};
	char *body = malloc(2 * DEPTH + 1);
	struct side s;

	memset(body, '[', DEPTH);
	memset(body + DEPTH, ']', DEPTH);
	body[2 * DEPTH] = '\0';
	side_open(&s, side_methods);
	CHECK_INT_EQ(feed_body(&s, body), 0);
	wrote(&s, PARSE);
	side_end(&s);
	free(body);
}

static void bad_requests(void)
{
#define BAD(id, why) ERR(id, "-32600", why)
#define BATCH "batches are not supported"
#define OBJECT "a message must be an object"
#define VERSION "jsonrpc must be \\\"2.0\\\""
#define ID "id must be a string or a number below 2^53"
#define METHOD "method must be a string"
#define PARAMS "params must be an object or an array"
	static const struct exchange e[] = {
	    {"[]", BAD("null", BATCH)},
	    {"[" ECHO("1") "," ECHO("2") "]", BAD("null", BATCH)},
	    {"1", BAD("null", OBJECT)},
	    {"null", BAD("null", OBJECT)},
	    {"\"x\"", BAD("null", OBJECT)},
	    {"{}", BAD("null", VERSION)},
	    {"{\"id\":1,\"method\":\"test/echo\"}", BAD("1", VERSION)},
	    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"test/echo\"}",
	     BAD("1", VERSION)},
	    {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"test/echo\"}",
	     BAD("1", VERSION)},
	    {ECHO("{}"), BAD("null", ID)},
	    {ECHO("[1]"), BAD("null", ID)},
	    {ECHO("true"), BAD("null", ID)},
	    {ECHO("9007199254740993"), BAD("null", ID)},
	    {ECHO("-9007199254740993"), BAD("null", ID)},
	    {ECHO("1e999"), BAD("null", ID)},
	    {"{" V ",\"id\":1}", BAD("1", METHOD)},
	    {"{" V ",\"id\":\"x\",\"method\":1}", BAD("\"x\"", METHOD)},
	    {"{" V ",\"method\":1,\"params\":\"bar\"}", BAD("null", METHOD)},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":\"bar\"}",
	     BAD("1", PARAMS)},
	    {"{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":3}",
	     BAD("1", PARAMS)},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void unknown_methods(void)
{
#define NONE(id) ERR(id, "-32601", "there is no such method")
	static const struct exchange e[] = {
	    {"{" V ",\"id\":1,\"method\":\"test/nothing\"}", NONE("1")},
	    {"{" V ",\"id\":\"x\",\"method\":\"\"}", NONE("\"x\"")},
	    {"{" V ",\"id\":1,\"method\":\"TEST/ECHO\"}", NONE("1")},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

static void answers_are_not_answered(void)
{
	static const struct exchange e[] = {
	    {OK("99", "1"), ""},
	    {OK("\"1\"", "1"), ""},
	    {ERR("null", "-32700", "x"), ""},
	    {"{\"id\":1,\"result\":2}", ""},
	    {"{\"id\":[],\"error\":3}", ""},
	};

	check_exchanges(e, sizeof(e) / sizeof(e[0]));
}

/* --- ends ---------------------------------------------------------------- */

/* Answers more than a frame may hold. */
static void do_huge(struct hw_request *req, const struct cJSON *params,
		    void *user)
{
	char *s = malloc(HW_FRAME_MAX + 1);

	(void)params;
	(void)user;
	memset(s, 'x', HW_FRAME_MAX);
	s[HW_FRAME_MAX] = '\0';
	hw_rpc_reply(req, cJSON_CreateString(s));
	free(s);
}

static void malformed_header(void)
{
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, "GET / HTTP/1.1\r\n", 16), -1);
	wrote(&s, "");
	CHECK_INT_EQ(feed_body(&s, ECHO("1")), -1);
	wrote(&s, "");
	side_end(&s);
}

static void too_big(void)
{
	static const char in[] = "Content-Length: 16777217\r\n\r\n{";
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, in, sizeof(in) - 1), -1);
	wrote(&s, BAD("null", "a message may have 16 MiB at most"));
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, in, sizeof(in) - 1), -1);
	wrote(&s, "");
	side_end(&s);
}

static void good_before_bad(void)
{
	static const char tail[] = "Content-Length: oops\r\n\r\n";
	char in[256];
	struct side s;
	int n = hw_frame_header(in, strlen(ECHO("1")));

	n += snprintf(in + n, sizeof(in) - (size_t)n, "%s%s", ECHO("1"), tail);
	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, in, (size_t)n), -1);
	wrote(&s, OK("1", "null"));
	side_end(&s);
}

static const struct hw_rpc_method huge_methods[] = {SIDE_METHODS,
						    {"test/huge", do_huge},
						    {NULL, NULL}};

static void huge_result(void)
{
	struct side s;

	side_open(&s, huge_methods);
	CHECK_INT_EQ(feed_body(&s, "{" V ",\"id\":1,\"method\":\"test/huge\"}"),
		     0);
	wrote(&s, ERR("1", "-32603", "the result is over 16 MiB"));
	CHECK_INT_EQ(feed_body(&s, ECHO("2")), 0);
	wrote(&s, OK("2", "null"));
	side_end(&s);
}

static const struct check tests[] = {
    {"a request is answered with its result or error", requests},
    {"ids go back exactly as they came", ids},
    {"notifications are never answered, unknown ones ignored", notifications},
    {"bad JSON is -32700 with id null, and the connection goes on", bad_json},
    {"a NUL in a body is bad JSON", nuls_are_not_json},
    {"100000 nested arrays are bad JSON, not a crash", deep_nesting},
    {"what is no request is -32600, and the connection goes on", bad_requests},
    {"an unknown method is -32601", unknown_methods},
    {"an answer is never answered", answers_are_not_answered},
    {"a malformed header ends the connection without a word", malformed_header},
    {"over 16 MiB is -32600, then the end", too_big},
    {"what came whole before a bad header is still answered", good_before_bad},
    {"a result over 16 MiB becomes an error", huge_result},
};

CHECK_MAIN(tests)
