/* SPDX-License-Identifier: MIT
 *
 * The harness of the unit tests: a table of named tests, run in order, told
 * in TAP (one "ok" or "not ok" a test). Test names say the behaviour held.
 *
 *   static void splits_are_joined(void)
 *   {
 *           CHECK_INT_EQ(f(2), 4);
 *           if (!CHECK(p != NULL))
 *                   return;
 *   }
 *   static const struct check tests[] = {
 *           {"a body split anywhere arrives whole", splits_are_joined},
 *   };
 *   CHECK_MAIN(tests)
 *
 * A check that fails prints where, the expression and both values, and lets
 * the test go on; each yields whether it held. "PROGRAM TEXT" runs only the
 * tests whose name contains TEXT. One thread: the main one.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check {
	const char *name;
	void (*run)(void);
};

static struct {
	int failures;        /* of the test that runs */
	const char *skipped; /* its reason, or NULL */
} check_now;

/* Ends the test as skipped, not failed. Used as: { CHECK_SKIP("why"); } */
#define CHECK_SKIP(why)                    \
	do {                               \
		check_now.skipped = (why); \
		return;                    \
	} while (0)

#define CHECK(cond) check_true(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_INT_EQ(got, want) \
	check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_STR_EQ(got, want) \
	check_str((got), (want), #got, __FILE__, __LINE__)
/* GOT, a string or NULL, contains PART. */
#define CHECK_STR_HAS(got, part) \
	check_has((got), (part), #got, __FILE__, __LINE__)

static inline bool check_true(bool held, const char *expr, const char *file,
			      int line)
{
	if (held)
		return true;
	check_now.failures++;
	printf("# %s:%d: does not hold: %s\n", file, line, expr);
	return false;
}

static inline bool check_int(int64_t got, int64_t want, const char *expr,
			     const char *file, int line)
{
	if (got == want)
		return true;
	check_now.failures++;
	printf("# %s:%d: %s\n#   got  %" PRId64 " (0x%" PRIx64 ")\n"
	       "#   want %" PRId64 " (0x%" PRIx64 ")\n",
	       file, line, expr, got, (uint64_t)got, want, (uint64_t)want);
	return false;
}

/* One line of a TAP comment, whatever the string holds. */
static inline void check_print(const char *what, const char *s)
{
	printf("#   %s ", what);
	if (!s)
		fputs("(null)", stdout);
	else
		putchar('"');
	for (; s && *s; s++) {
		if ((unsigned char)*s < ' ' || *s == '\\' || *s == '"')
			printf("\\x%02x", (unsigned char)*s);
		else
			putchar(*s);
	}
	puts(s ? "\"" : "");
}

static inline bool check_str(const char *got, const char *want,
			     const char *expr, const char *file, int line)
{
	if (got == want || (got && want && strcmp(got, want) == 0))
		return true;
	check_now.failures++;
	printf("# %s:%d: %s\n", file, line, expr);
	check_print("got ", got);
	check_print("want", want);
	return false;
}

static inline bool check_has(const char *got, const char *part,
			     const char *expr, const char *file, int line)
{
	if (got && strstr(got, part))
		return true;
	check_now.failures++;
	printf("# %s:%d: %s\n", file, line, expr);
	check_print("got    ", got);
	check_print("want in", part);
	return false;
}

static inline int check_main(const struct check *tests, size_t n,
			     const char *only)
{
	size_t i, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a crash loses no line */
	printf("1..%zu\n", n);
	for (i = 0; i < n; i++) {
		check_now.failures = 0;
		check_now.skipped = NULL;
		if (!only || strstr(tests[i].name, only))
			tests[i].run();
		else
			check_now.skipped = "not asked for";
		bad += check_now.failures != 0;
		printf("%s %zu - %s%s%s\n",
		       check_now.failures ? "not ok" : "ok", i + 1,
		       tests[i].name, check_now.skipped ? " # SKIP " : "",
		       check_now.skipped ? check_now.skipped : "");
	}
	return bad ? 1 : 0;
}

#define CHECK_MAIN(tests)                                                    \
	int main(int argc, char **argv)                                      \
	{                                                                    \
		return check_main(tests, sizeof(tests) / sizeof((tests)[0]), \
				  argc > 1 ? argv[1] : NULL);                \
	}

#endif
