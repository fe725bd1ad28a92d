/* SPDX-License-Identifier: MIT
 *
 * Framing (protocol/frame.h): whatever pieces a stream comes in, the same
 * bodies come out; what is malformed is told from what is incomplete.
 */
#include "protocol/frame.h"

#include <stdlib.h>

#include "tests/unit/check.h"

#define TWO_HEADERS "Content-Length: 5\r\nContent-Type: application/x\r\n\r\n"

/* A small generator of our own: the same numbers on every machine. */
static uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* What hw_frame_next says after STREAM was fed whole. */
static int verdict(const char *stream, size_t len)
{
	struct hw_frame f;
	char *body;
	size_t n;
	int rc;

	hw_frame_init(&f);
	hw_frame_feed(&f, stream, len);
	rc = hw_frame_next(&f, &body, &n);
	hw_frame_free(&f);
	return rc;
}

static int verdict_str(const char *stream)
{
	return verdict(stream, strlen(stream));
}

/* Appends every body that is complete to OUT, as "[body]". */
static int drain(struct hw_frame *f, char *out, size_t cap)
{
	size_t len = strlen(out), n;
	char *body;
	int rc;

	while ((rc = hw_frame_next(f, &body, &n)) > 0) {
		CHECK_INT_EQ(body[n], '\0');
		CHECK_INT_EQ(strlen(body), n);
		len += (size_t)snprintf(out + len, cap - len, "[%s]", body);
	}
	return rc;
}

static const char three[] = "Content-Length: 2\r\n\r\n{}" TWO_HEADERS "hello"
			    "content-LENGTH:\t 0 \r\n\r\n"
			    "Content-Length: 3\r\n\r\nend";
static const char three_bodies[] = "[{}][hello][][end]";

static void split_anywhere(void)
{
	size_t len = sizeof(three) - 1, cut;
	struct hw_frame f;
	char out[64];

	for (cut = 0; cut <= len; cut++) {
		hw_frame_init(&f);
		out[0] = '\0';
		hw_frame_feed(&f, three, cut);
		CHECK_INT_EQ(drain(&f, out, sizeof(out)), 0);
		hw_frame_feed(&f, three + cut, len - cut);
		CHECK_INT_EQ(drain(&f, out, sizeof(out)), 0);
		CHECK_STR_EQ(out, three_bodies);
		hw_frame_free(&f);
	}
}

static void split_in_three_anywhere(void)
{
	size_t len = sizeof(three) - 1, a, b;
	struct hw_frame f;
	char out[64];

	for (a = 0; a <= len; a++)
		for (b = a; b <= len; b++) {
			hw_frame_init(&f);
			out[0] = '\0';
			hw_frame_feed(&f, three, a);
			hw_frame_feed(&f, three + a, b - a);
			drain(&f, out, sizeof(out));
			hw_frame_feed(&f, three + b, len - b);
			drain(&f, out, sizeof(out));
			CHECK_STR_EQ(out, three_bodies);
			hw_frame_free(&f);
		}
}

static void byte_by_byte(void)
{
	struct hw_frame f;
	char out[64] = "";
	size_t i;

	hw_frame_init(&f);
	for (i = 0; i < sizeof(three) - 1; i++) {
		hw_frame_feed(&f, three + i, 1);
		CHECK_INT_EQ(drain(&f, out, sizeof(out)), 0);
	}
	CHECK_STR_EQ(out, three_bodies);
	hw_frame_free(&f);
}

/* Body number I of a stream of random sizes; its bytes follow from I. */
static size_t random_body(char *buf, unsigned i, uint32_t *seed)
{
	size_t n = random_next(seed) % (i % 10 == 0 ? 100000 : 100), k;

	for (k = 0; k < n; k++)
		buf[k] = (char)('a' + (i + k) % 26);
	return n;
}

static void feed_randomly(struct hw_frame *f, const char *stream, size_t len,
			  uint32_t *seed, unsigned *count)
{
	uint32_t sizes = 7;
	size_t at = 0, piece, n, want;
	char *body, *buf = malloc(100000);

	while (at < len) {
		piece = random_next(seed) % 5000;
		piece = piece < len - at ? piece : len - at;
		hw_frame_feed(f, stream + at, piece);
		at += piece;
		if (random_next(seed) % 3 == 0 && at < len)
			continue; /* let some pile up */
		while (hw_frame_next(f, &body, &n) == 1) {
			want = random_body(buf, (*count)++, &sizes);
			if (!CHECK_INT_EQ(n, want))
				break;
			CHECK(memcmp(body, buf, n) == 0);
		}
	}
	free(buf);
}

static void random_pieces(void)
{
	char *stream = malloc(16u << 20), *buf = malloc(100000);
	uint32_t sizes = 7, seed = 12345;
	struct hw_frame f;
	size_t len = 0, n;
	unsigned i, count = 0;

	for (i = 0; i < 300; i++) {
		n = random_body(buf, i, &sizes);
		len += (size_t)hw_frame_header(stream + len, n);
		memcpy(stream + len, buf, n);
		len += n;
	}
	hw_frame_init(&f);
	feed_randomly(&f, stream, len, &seed, &count);
	CHECK_INT_EQ(count, 300);
	hw_frame_free(&f);
	free(stream);
	free(buf);
}

static void body_of_16_mib(void)
{
	size_t n = HW_FRAME_MAX, got, at, piece = 65536;
	char header[48], *data = malloc(n), *body = NULL;
	struct hw_frame f;

	memset(data, 'x', n);
	hw_frame_init(&f);
	hw_frame_feed(&f, header, (size_t)hw_frame_header(header, n));
	for (at = 0; at < n; at += piece) {
		CHECK_INT_EQ(hw_frame_next(&f, &body, &got), 0);
		hw_frame_feed(&f, data + at, piece);
	}
	if (CHECK_INT_EQ(hw_frame_next(&f, &body, &got), 1)) {
		CHECK_INT_EQ(got, n);
		CHECK(memcmp(body, data, n) == 0);
	}
	CHECK_INT_EQ(hw_frame_next(&f, &body, &got), 0);
	CHECK(f.cap <= (64u << 10)); /* an idle reader is small again */
	hw_frame_free(&f);
	free(data);
}

static void over_16_mib(void)
{
	CHECK_INT_EQ(verdict_str("Content-Length: 16777216\r\n\r\n"), 0);
	CHECK_INT_EQ(verdict_str("Content-Length: 16777217\r\n\r\n"),
		     HW_FRAME_EBIG);
	CHECK_INT_EQ(verdict_str("Content-Length: 16777217\r\n"),
		     HW_FRAME_EBIG); /* told before the header ends */
	CHECK_INT_EQ(verdict_str(
			 "Content-Length: 18446744073709551617\r\n\r\n"),
		     HW_FRAME_EBIG);
	CHECK_INT_EQ(verdict_str("Content-Length: 0000000000000000000000002"
				 "\r\n\r\n{}"),
		     1);
}

static void malformed_headers(void)
{
	static const char *const bad[] = {
	    "GET / HTTP/1.1\r\n",
	    "\r\n",
	    "\n",
	    "{\"jsonrpc\":\"2.0\"}\n",
	    "Content-Length: 2\n\n{}",
	    "Content-Length: 2\r\nX\r\n\r\n{}",
	    "Content-Length 2\r\n\r\n{}",
	    "Content-Length:\r\n\r\n",
	    "Content-Length: two\r\n\r\n",
	    "Content-Length: -2\r\n\r\n{}",
	    "Content-Length: +2\r\n\r\n{}",
	    "Content-Length: 0x2\r\n\r\n{}",
	    "Content-Length: 2 2\r\n\r\n{}",
	    "Content-Length: 2.0\r\n\r\n{}",
	    "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	    "Content-Type: application/vscode-jsonrpc\r\n\r\n{}",
	    ": 2\r\n\r\n",
	    "Content\001-Length: 2\r\n\r\n{}",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_INT_EQ(verdict_str(bad[i]), HW_FRAME_EHEADER))
			check_print("for", bad[i]);
	CHECK_INT_EQ(verdict("Content-Length: 2\0\r\n\r\n{}", 25),
		     HW_FRAME_EHEADER);
}

static void endless_header(void)
{
	char line[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
	struct hw_frame f;
	size_t n, fed = 0;
	char *body;
	int rc = 0;

	hw_frame_init(&f);
	while (rc == 0 && fed < 1 << 20) {
		hw_frame_feed(&f, line, sizeof(line) - 1);
		fed += sizeof(line) - 1;
		rc = hw_frame_next(&f, &body, &n);
	}
	CHECK_INT_EQ(rc, HW_FRAME_EHEADER);
	CHECK(fed < 8192);
	hw_frame_free(&f);
}

static void error_is_final(void)
{
	struct hw_frame f;
	char *body;
	size_t n;

	hw_frame_init(&f);
	hw_frame_feed(&f, "oops\r\n", 6);
	CHECK_INT_EQ(hw_frame_next(&f, &body, &n), HW_FRAME_EHEADER);
	hw_frame_feed(&f, three, sizeof(three) - 1);
	CHECK_INT_EQ(hw_frame_next(&f, &body, &n), HW_FRAME_EHEADER);
	CHECK(f.buf == NULL);
	hw_frame_free(&f);
}

/* A body is the sender's bytes, whatever they are. */
static void bodies_are_opaque(void)
{
	static const char raw[] = "Content-Length: 6\r\n\r\n\0\r\n\r\n\xff"
				  "Content-Length: 1\r\n\r\nx";
	struct hw_frame f;
	char *body;
	size_t n;

	hw_frame_init(&f);
	hw_frame_feed(&f, raw, sizeof(raw) - 1);
	if (CHECK_INT_EQ(hw_frame_next(&f, &body, &n), 1)) {
		CHECK_INT_EQ(n, 6);
		CHECK(memcmp(body, "\0\r\n\r\n\xff", 7) == 0);
	}
	if (CHECK_INT_EQ(hw_frame_next(&f, &body, &n), 1))
		CHECK_STR_EQ(body, "x");
	hw_frame_free(&f);
}

static void random_bytes(void)
{
	uint32_t seed = 99;
	struct hw_frame f;
	char buf[512], *body;
	size_t i, n, len;
	int round, rc;

	for (round = 0; round < 20000; round++) {
		hw_frame_init(&f);
		memset(buf, 0, sizeof(buf));
		/* half of the rounds begin well and go wrong later */
		len = 0;
		if (round % 2)
			len = (size_t)snprintf(buf, sizeof(buf), "%s", three);
		for (i = round % 2 ? random_next(&seed) % len : 0;
		     i < sizeof(buf) && (!len || i < len);
		     i += 1 + random_next(&seed) % 16)
			buf[i] = (char)random_next(&seed);
		hw_frame_feed(&f, buf, len ? len : sizeof(buf));
		while ((rc = hw_frame_next(&f, &body, &n)) == 1)
			CHECK(n <= sizeof(buf) && body[n] == '\0');
		CHECK(rc <= 0 && rc >= HW_FRAME_EHEADER);
		hw_frame_free(&f);
	}
}

static void header_is_exact(void)
{
	char buf[48];

	CHECK_INT_EQ(hw_frame_header(buf, 7), strlen(buf));
	CHECK_STR_EQ(buf, "Content-Length: 7\r\n\r\n");
	CHECK(hw_frame_header(buf, SIZE_MAX) < 48);
}

static const struct check tests[] = {
    {"a stream split at any byte gives the same bodies", split_anywhere},
    {"so does one split at any two bytes", split_in_three_anywhere},
    {"so does one that comes byte by byte", byte_by_byte},
    {"so does one in random pieces, up to 100 kB a body", random_pieces},
    {"a body of exactly 16 MiB arrives, and its memory is given back",
     body_of_16_mib},
    {"one byte more is too big, told from the header", over_16_mib},
    {"a malformed header is an error at its line", malformed_headers},
    {"a header that does not end is an error", endless_header},
    {"after an error every call gives that error", error_is_final},
    {"a body may hold NULs and look like a header", bodies_are_opaque},
    {"random bytes do no harm", random_bytes},
    {"the header we write is the specification's", header_is_exact},
};

CHECK_MAIN(tests)
