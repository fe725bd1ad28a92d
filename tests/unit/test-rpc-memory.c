/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out at each allocation in turn: protocol/ may then lose
 * the connection, and says so, but never crashes, leaks a call or answers
 * twice. The program is linked with --wrap=malloc (and kin), and cJSON is
 * given the same allocator.
 */
#include "tests/unit/rpc-side.h"

static long fuse = -1; /* allocations until they fail; -1: never */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* From the first failure on they all fail: memory is out. */
static bool burnt(void)
{
	if (fuse > 0)
		fuse--;
	return fuse == 0;
}

void *__wrap_malloc(size_t n)
{
	return burnt() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return burnt() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return burnt() ? NULL : __real_realloc(p, n);
}

static void count_write(const void *data, size_t len, void *user)
{
	(void)data;
	*(size_t *)user += len;
}

static void count_done(const struct cJSON *result, const struct cJSON *error,
		       void *arg)
{
	CHECK((result == NULL) != (error == NULL));
	if (error)
		CHECK(cJSON_IsNumber(
		    cJSON_GetObjectItemCaseSensitive(error, "code")));
	++*(int *)arg;
}

static void answer(struct hw_request *req, const struct cJSON *params,
		   void *user)
{
	(void)user;
	hw_rpc_reply(req, cJSON_Duplicate(params, 1));
}

static const struct hw_rpc_method methods[] = {{"m", answer}, {NULL, NULL}};

static int feed(struct hw_rpc *r, const char *body)
{
	char in[256];
	int n = hw_frame_header(in, strlen(body));

	n += snprintf(in + n, sizeof(in) - (size_t)n, "%s", body);
	return hw_rpc_feed(r, in, (size_t)n);
}

/* A whole small conversation; true if nothing went wrong. */
static bool converse(void)
{
	size_t written = 0;
	int done = 0, called = -1, fed = -1, noted = -1;
	struct hw_rpc *r = hw_rpc_new(methods, count_write, &written);

	if (!r)
		return false;
	called = hw_rpc_call(r, "ask", cJSON_CreateArray(), count_done, &done);
	noted = hw_rpc_notify(r, "tell", cJSON_CreateObject());
	fed = feed(r, "{" V ",\"id\":\"x\",\"method\":\"m\","
		      "\"params\":[1,\"abc\"]}");
	if (fed == 0)
		fed = feed(r, OK("1", "5"));
	hw_rpc_close(r);
	CHECK_INT_EQ(done, called == 0); /* each call ends exactly once */
	hw_rpc_free(r);
	return called == 0 && noted == 0 && fed == 0;
}

static void each_allocation_fails(void)
{
	cJSON_Hooks hooks = {__wrap_malloc, free};
	long n;
	bool whole = false;

	cJSON_InitHooks(&hooks);
	CHECK(converse());
	for (n = 1; n < 500 && !whole; n++) {
		fuse = n;
		whole = converse();
		whole = whole && fuse > 0;
		fuse = -1;
	}
	CHECK(whole);
	CHECK(n > 20); /* the fuse was in the way of something */
	cJSON_InitHooks(NULL);
}

static const struct check tests[] = {
    {"wherever memory runs out, each call still ends once",
     each_allocation_fails},
};

CHECK_MAIN(tests)
