/* SPDX-License-Identifier: MIT
 *
 * JSON-RPC (protocol/rpc.h): calls in both directions, and connections that
 * end at a bad moment. Built twice: for the watcher, and as a guest.
 */
#include "tests/unit/rpc-side.h"

/* --- calls --------------------------------------------------------------- */

static void calls(void)
{
	struct side s;
	cJSON *params = cJSON_CreateObject();

	cJSON_AddStringToObject(params, "module", "src/server");
	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "code/which", params, keep_done, &s),
		     0);
	wrote(&s, "{" V ",\"id\":1,\"method\":\"code/which\",\"params\":"
		  "{\"module\":\"src/server\"}}");
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "b", NULL, keep_done, &s), 0);
	wrote(&s, "{" V ",\"id\":2,\"method\":\"b\"}");
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "c", NULL, keep_done, &s), 0);
	wrote(&s, "{" V ",\"id\":3,\"method\":\"c\"}");
	feed_body(&s, OK("2", "null"));
	CHECK_STR_EQ(s.last, "result null");
	feed_body(&s, OK("2", "1")); /* a second answer is nobody's */
	CHECK_INT_EQ(s.done, 1);
	feed_body(&s, "{" V ",\"id\":3,\"result\":[1],\"error\":null}");
	CHECK_STR_EQ(s.last, "result [1]");
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "d", NULL, keep_done, &s), 0);
	feed_body(&s, ERR("1", "-32601", "no such"));
	CHECK_STR_EQ(s.last, "error {\"code\":-32601,\"message\":\"no such\"}");
	feed_body(&s, "{" V ",\"id\":4,\"error\":\"oops\"}");
	CHECK_STR_EQ(s.last, "error {\"code\":-32603,\"message\":"
			     "\"the other side sent a malformed error\"}");
	CHECK_INT_EQ(s.done, 4);
	side_end(&s);
}

static void notifies(void)
{
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_notify(s.rpc, "a", NULL), 0);
	wrote(&s, "{" V ",\"method\":\"a\"}");
	CHECK_INT_EQ(hw_rpc_notify(s.rpc, "a", cJSON_CreateArray()), 0);
	wrote(&s, "{" V ",\"method\":\"a\",\"params\":[]}");
	side_end(&s);
}

/* A DONE that calls again, as a session does that asks step by step. */
static void call_again(const struct cJSON *result, const struct cJSON *error,
		       void *arg)
{
	struct side *s = arg;

	keep_done(result, error, arg);
	if (s->done < 3)
		hw_rpc_call(s->rpc, "more", NULL, call_again, s);
}

static void call_in_done(void)
{
	struct side s;

	side_open(&s, side_methods);
	hw_rpc_call(s.rpc, "more", NULL, call_again, &s);
	feed_body(&s, OK("1", "1"));
	feed_body(&s, OK("2", "2"));
	feed_body(&s, OK("3", "3"));
	CHECK_INT_EQ(s.done, 3);
	CHECK_STR_EQ(s.last, "result 3");
	hw_rpc_call(s.rpc, "more", NULL, call_again, &s);
	s.done = 0;
	hw_rpc_close(s.rpc); /* its DONE calls again, in vain */
	CHECK_INT_EQ(s.done, 1);
	side_end(&s);
}

static void huge_call(void)
{
	char *text = malloc(HW_FRAME_MAX + 1);
	struct side s;
	cJSON *params = cJSON_CreateArray();

	memset(text, 'x', HW_FRAME_MAX);
	text[HW_FRAME_MAX] = '\0';
	cJSON_AddItemToArray(params, cJSON_CreateString(text));
	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "m", cJSON_Duplicate(params, 1),
				 keep_done, &s),
		     -1);
	CHECK_INT_EQ(hw_rpc_notify(s.rpc, "m", params), -1);
	wrote(&s, "");
	hw_rpc_close(s.rpc);
	CHECK_INT_EQ(s.done, 0); /* it was never a call */
	side_end(&s);
	free(text);
}

/* --- ends ---------------------------------------------------------------- */

static void close_ends_calls(void)
{
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "a", NULL, keep_done, &s), 0);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "b", NULL, keep_done, &s), 0);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "c", NULL, NULL, NULL), 0);
	hw_rpc_close(s.rpc);
	CHECK_INT_EQ(s.done, 2);
	CHECK_STR_EQ(s.last, "error {\"code\":-32001,\"message\":"
			     "\"the connection is closed\"}");
	hw_rpc_close(s.rpc);
	CHECK_INT_EQ(s.done, 2);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "d", cJSON_CreateArray(), keep_done,
				 &s),
		     -1);
	CHECK_INT_EQ(hw_rpc_notify(s.rpc, "d", cJSON_CreateArray()), -1);
	CHECK_INT_EQ(s.done, 2);
	side_end(&s);
}

static void free_without_close(void)
{
	struct side s;

	side_open(&s, side_methods);
	CHECK_INT_EQ(hw_rpc_call(s.rpc, "a", NULL, keep_done, &s), 0);
	side_end(&s);
	CHECK_INT_EQ(s.done, 0);
	hw_rpc_free(NULL);
}

#define HOLD "{" V ",\"id\":\"h\",\"method\":\"test/hold\"}"

static void late_answers(void)
{
	struct side s;

	side_open(&s, side_methods);
	feed_body(&s, HOLD);
	wrote(&s, "");
	feed_body(&s, ECHO("5")); /* others are not held up */
	wrote(&s, OK("5", "null"));
	hw_rpc_reply(s.held, cJSON_CreateBool(1));
	wrote(&s, OK("\"h\"", "true"));
	side_end(&s);
}

static void answers_after_the_end(void)
{
	struct hw_request *first, *second, *third;
	struct side s;

	side_open(&s, side_methods);
	feed_body(&s, HOLD);
	first = s.held;
	feed_body(&s, HOLD);
	second = s.held;
	feed_body(&s, HOLD);
	third = s.held;
	hw_rpc_close(s.rpc);
	hw_rpc_reply(second, cJSON_CreateBool(1)); /* closed, not freed */
	wrote(&s, "");
	side_end(&s);
	CHECK(hw_request_user(first) == NULL);
	hw_rpc_fail(first, HW_RPC_REFUSED, "no", cJSON_CreateObject());
	hw_rpc_reply(third, cJSON_CreateObject());
}

static void do_close(struct hw_request *req, const struct cJSON *params,
		     void *user)
{
	(void)params;
	hw_rpc_close(((struct side *)user)->rpc);
	hw_rpc_reply(req, NULL);
}

static const struct hw_rpc_method close_methods[] = {SIDE_METHODS,
						     {"test/close", do_close},
						     {NULL, NULL}};

static void close_in_a_handler(void)
{
	char in[512];
	struct side s;
	const char *close = "{" V ",\"id\":1,\"method\":\"test/close\"}";
	int n = hw_frame_header(in, strlen(close));

	n += snprintf(in + n, sizeof(in) - (size_t)n, "%s", close);
	n += hw_frame_header(in + n, strlen(ECHO("2")));
	n += snprintf(in + n, sizeof(in) - (size_t)n, "%s", ECHO("2"));
	side_open(&s, close_methods);
	CHECK_INT_EQ(hw_rpc_feed(s.rpc, in, (size_t)n), -1);
	wrote(&s, "");
	CHECK_INT_EQ(s.calls, 0); /* what came after the close was not done */
	side_end(&s);
}

/* --- both sides at once -------------------------------------------------- */

static uint32_t seed = 4711;

static uint32_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

struct expectation {
	struct side *side;
	int number;
};

static void check_number(const struct cJSON *result, const struct cJSON *error,
			 void *arg)
{
	struct expectation *e = arg;
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(result, "n");

	CHECK(error == NULL);
	CHECK_INT_EQ(n ? n->valuedouble : -1, e->number);
	e->side->done++;
	free(e);
}

static void ask(struct side *s, int number)
{
	struct expectation *e = malloc(sizeof(*e));
	cJSON *params = cJSON_CreateObject();
	char filler[300];

	e->side = s;
	e->number = number;
	cJSON_AddNumberToObject(params, "n", number);
	memset(filler, 'f', sizeof(filler) - 1);
	filler[random_next() % sizeof(filler)] = '\0';
	filler[sizeof(filler) - 1] = '\0';
	cJSON_AddStringToObject(params, "filler", filler);
	CHECK_INT_EQ(hw_rpc_call(s->rpc, "test/echo", params, check_number, e),
		     0);
}

/* Carries at most MAX bytes of what A wants written to B. */
static void carry(struct side *a, struct side *b, size_t max)
{
	size_t n = a->len < max ? a->len : max;
	char *piece = malloc(n + 1);

	memcpy(piece, a->out, n);
	memmove(a->out, a->out + n, a->len - n + 1);
	a->len -= n;
	CHECK_INT_EQ(hw_rpc_feed(b->rpc, piece, n), 0);
	free(piece);
}

static void both_directions(void)
{
	struct side a, b;
	int i;

	side_open(&a, side_methods);
	side_open(&b, side_methods);
	for (i = 0; i < 2000; i++) {
		if (random_next() % 2)
			ask(&a, i);
		if (random_next() % 2)
			ask(&b, -i);
		carry(&a, &b, random_next() % 500);
		carry(&b, &a, random_next() % 500);
	}
	while (a.len || b.len) {
		carry(&a, &b, random_next() % 500);
		carry(&b, &a, random_next() % 500);
	}
	CHECK(a.done > 500);
	CHECK_INT_EQ(a.done, b.calls);
	CHECK_INT_EQ(b.done, a.calls);
	hw_rpc_close(a.rpc);
	hw_rpc_close(b.rpc);
	side_end(&a);
	side_end(&b);
}

/* A good conversation with bytes changed: any answer will do, no crash. */
static void random_damage(void)
{
	static const char *const good[] = {
	    "{" V ",\"id\":1,\"method\":\"test/echo\",\"params\":{\"a\":[1]}}",
	    "{" V ",\"id\":\"x\",\"method\":\"test/fail\"}",
	    "{" V ",\"method\":\"test/echo\",\"params\":[\"\\u00e9\"]}",
	    OK("1", "{}"), ERR("2", "-1", "x")};
	char body[256];
	struct side s;
	size_t len, k;
	int i;

	side_open(&s, side_methods);
	for (i = 0; i < 20000; i++) {
		len = (size_t)snprintf(body, sizeof(body), "%s", good[i % 5]);
		for (k = 0; k < 1 + random_next() % 3; k++)
			body[random_next() % len] =
			    (char)(1 + random_next() % 255);
		hw_rpc_call(s.rpc, "m", NULL, keep_done, &s);
		CHECK_INT_EQ(feed_body(&s, body), 0);
		if (i % 50 == 49) {
			side_end(&s);
			side_open(&s, side_methods);
		}
	}
	side_end(&s);
}

static const struct check tests[] = {
    {"answers find their calls by id", calls},
    {"notifications have no id", notifies},
    {"a callback may call again", call_in_done},
    {"a call over 16 MiB fails at once", huge_call},
    {"closing ends the pending calls, once", close_ends_calls},
    {"freeing drops them silently", free_without_close},
    {"an answer may come later, out of order", late_answers},
    {"an answer after the end is dropped", answers_after_the_end},
    {"a handler may close the connection", close_in_a_handler},
    {"both sides call at once, in random pieces", both_directions},
    {"random damage does no harm", random_damage},
};

CHECK_MAIN(tests)
