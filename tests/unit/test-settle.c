/* SPDX-License-Identifier: MIT
 *
 * Quiet times, with a clock of the test's own.
 */
#include "tests/unit/check.h"
#include "watcher/settle.h"
#include "watcher/util.h"

#include <stdlib.h>

#define MS 1000000ull
#define NOW (1000 * MS)

static struct settle s;

static void start(void)
{
	settle_init(&s, 2 * MS, 50 * MS);
}

/* What is due at AT, joined by spaces. */
static char *taken(uint64_t at, bool all)
{
	struct settle_batch b;
	struct text t = {0};

	settle_take(&s, at, all, &b);
	for (size_t i = 0; i < b.n; i++)
		text_printf(&t, "%s%s", i ? " " : "", b.paths[i]);
	if (b.flooded)
		text_puts(&t, "flooded");
	freev(b.paths);
	return text_take(&t);
}

static void expect_at(uint64_t at, const char *want)
{
	char *got = taken(at, false);

	CHECK_STR_EQ(got, want);
	free(got);
}

static void told_after_quiet_time(void)
{
	start();
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW);
	CHECK_INT_EQ(settle_due(&s), NOW + 2 * MS);
	expect_at(NOW + 2 * MS - 1, "");
	expect_at(NOW + 2 * MS, "/a");
	CHECK_INT_EQ(settle_due(&s), (int64_t)SETTLE_NEVER);
	settle_free(&s);
}

static void each_write_starts_anew(void)
{
	start();
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW);
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW + MS);
	expect_at(NOW + 2 * MS, "");
	expect_at(NOW + 3 * MS, "/a");
	settle_free(&s);
}

static void never_longer_than_maximum(void)
{
	uint64_t t = NOW;

	start();
	for (; t < NOW + 50 * MS; t += MS) {
		settle_touch(&s, "/a", SETTLE_WRITTEN, t);
		expect_at(t, "");
	}
	CHECK_INT_EQ(settle_due(&s), NOW + 50 * MS);
	expect_at(NOW + 50 * MS, "/a");
	settle_free(&s);
}

static void one_path_does_not_delay_another(void)
{
	start();
	settle_touch(&s, "/quiet", SETTLE_WRITTEN, NOW);
	for (int i = 0; i < 3; i++)
		settle_touch(&s, "/noisy", SETTLE_WRITTEN, NOW + i * MS);
	expect_at(NOW + 2 * MS, "/quiet");
	expect_at(NOW + 4 * MS, "/noisy");
	settle_free(&s);
}

static void removal_waits_for_its_other_half(void)
{
	start();
	settle_touch(&s, "/a", SETTLE_GONE, NOW);
	expect_at(NOW + 49 * MS, "");
	settle_touch(&s, "/a", SETTLE_CREATED, NOW + 49 * MS);
	expect_at(NOW + 300 * MS, "");
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW + 300 * MS);
	expect_at(NOW + 301 * MS, "");
	expect_at(NOW + 302 * MS, "/a");
	settle_free(&s);
}

static void lone_removal_is_told(void)
{
	start();
	settle_touch(&s, "/a", SETTLE_GONE, NOW);
	expect_at(NOW + 50 * MS, "/a");
	settle_free(&s);
}

static void nothing_waits_over_a_second(void)
{
	uint64_t t = NOW;

	start();
	for (; t < NOW + 1000 * MS; t += 10 * MS) {
		settle_touch(&s, "/a", SETTLE_GONE, t);
		settle_touch(&s, "/a", SETTLE_CREATED, t + MS);
		expect_at(t + MS, "");
	}
	expect_at(NOW + 1000 * MS, "/a");
	settle_free(&s);
}

static void paths_leave_in_order_of_their_time(void)
{
	char *got;

	start();
	settle_touch(&s, "/gone", SETTLE_GONE, NOW);
	settle_touch(&s, "/b", SETTLE_WRITTEN, NOW + 1);
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW + 2);
	settle_touch(&s, "/b", SETTLE_WRITTEN, NOW + 3);
	got = taken(NOW, true);
	CHECK_STR_EQ(got, "/a /b /gone");
	free(got);
	settle_free(&s);
}

static void first_is_the_earliest_touch(void)
{
	struct settle_batch b;

	start();
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW);
	settle_touch(&s, "/b", SETTLE_WRITTEN, NOW + 5);
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW + 9);
	CHECK(settle_take(&s, NOW + 3 * MS, false, &b));
	CHECK_INT_EQ(b.first, NOW);
	CHECK_INT_EQ(b.n, 2);
	freev(b.paths);
	settle_free(&s);
}

static void too_many_paths_become_one_flood(void)
{
	char path[32];

	start();
	for (unsigned i = 0; i <= SETTLE_LIMIT; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		settle_touch(&s, path, SETTLE_WRITTEN, NOW + i);
	}
	CHECK_INT_EQ(s.n, 0);
	CHECK(settle_holds(&s, 0));
	CHECK_INT_EQ(settle_due(&s), NOW + 50 * MS);
	expect_at(NOW + 50 * MS, "flooded");
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW);
	expect_at(NOW + 60 * MS, "/a");
	settle_free(&s);
}

static void holds_knows_what_came_before(void)
{
	uint64_t serial;

	start();
	settle_touch(&s, "/a", SETTLE_WRITTEN, NOW);
	serial = s.serial;
	CHECK(settle_holds(&s, serial));
	settle_touch(&s, "/b", SETTLE_WRITTEN, NOW + MS);
	expect_at(NOW + 2 * MS, "/a");
	CHECK(!settle_holds(&s, serial));
	CHECK(settle_holds(&s, s.serial));
	settle_free(&s);
}

static const struct check tests[] = {
    {"a path is told after its quiet time", told_after_quiet_time},
    {"each write starts the quiet time anew", each_write_starts_anew},
    {"a busy path is told at the maximum", never_longer_than_maximum},
    {"one path does not delay another", one_path_does_not_delay_another},
    {"a removal waits for its other half", removal_waits_for_its_other_half},
    {"a lone removal is told", lone_removal_is_told},
    {"nothing waits over a second", nothing_waits_over_a_second},
    {"paths leave in order of their time", paths_leave_in_order_of_their_time},
    {"first is the earliest touch", first_is_the_earliest_touch},
    {"too many paths become one flood", too_many_paths_become_one_flood},
    {"holds knows what came before", holds_knows_what_came_before},
};
CHECK_MAIN(tests)
