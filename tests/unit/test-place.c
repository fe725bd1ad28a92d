/* SPDX-License-Identifier: MIT */
#include "codeserver/descriptor.h"
#include "tests/unit/check.h"
#include "watcher/place.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <unistd.h>

#define BASE HW_ARENA_BASE
#define SIZE (HW_ARENA_SIZE - HW_ARENA_OWN) /* for modules */

static void empty_arena(void)
{
	struct place p = {0};

	CHECK_INT_EQ(place_find(&p, 1), BASE);
	CHECK_INT_EQ(place_find(&p, SIZE - PLACE_HUGE), BASE);
	CHECK_INT_EQ(place_find(&p, SIZE - PLACE_HUGE + 1), 0);
	place_free(&p);
}

static void first_fit(void)
{
	struct place p = {0};

	place_take(&p, BASE + 0x50000, 0x1000);
	place_take(&p, BASE, 0x12345);
	CHECK_INT_EQ(place_find(&p, 0x30000), BASE + 0x20000);
	CHECK_INT_EQ(place_find(&p, 0x30001), BASE + 0x60000);
	place_take(&p, BASE + 0x20000, 0x30000);
	CHECK_INT_EQ(place_find(&p, 1), BASE + 0x60000);
	place_free(&p);
}

static void overlaps(void)
{
	struct place p = {0};

	place_take(&p, BASE, 0x80000);
	place_take(&p, BASE + 0x10000, 0x10000);
	place_take(&p, BASE + 0x70000, 0x20000);
	place_take(&p, BASE + 0x70000, 0);
	CHECK_INT_EQ(place_find(&p, 0x10000), BASE + 0x90000);
	CHECK(place_is_free(&p, BASE + 0x90000, 0x10000));
	CHECK(!place_is_free(&p, BASE + 0x8ffff, 0x10000));
	CHECK(!place_is_free(&p, BASE + 0x15000, 1));
	place_free(&p);
}

static void ranges_outside(void)
{
	struct place p = {0};

	place_take(&p, BASE - 0x100000, 0x1000);
	place_take(&p, 0x7f0000000000ull, 0x1000);
	place_take(&p, 0, 0x1000);
	CHECK_INT_EQ(place_find(&p, 0x1000), BASE);
	place_free(&p);
}

/* The kernel maps what is as large as a huge page where it was linked for only
 * if as much is free behind it. */
static void huge_ones(void)
{
	struct place p = {0};

	place_take(&p, BASE + PLACE_HUGE * 2, 0x10000);
	CHECK_INT_EQ(place_find(&p, PLACE_HUGE - 1), BASE);
	CHECK_INT_EQ(place_find(&p, PLACE_HUGE), BASE);
	CHECK_INT_EQ(place_find(&p, PLACE_HUGE + 1),
		     BASE + PLACE_HUGE * 2 + 0x10000);
	CHECK(place_is_free(&p, BASE, PLACE_HUGE));
	CHECK(!place_is_free(&p, BASE + 0x10000, PLACE_HUGE));
	place_take(&p, BASE + PLACE_HUGE * 3, PLACE_HUGE);
	CHECK(!place_is_free(&p, BASE + PLACE_HUGE * 5 - 0x10000, 0x10000));
	place_free(&p);
}

static void full_arena(void)
{
	struct place p = {0};

	place_take(&p, BASE, SIZE - 0x10000 - PLACE_HUGE);
	CHECK_INT_EQ(place_find(&p, 0x10000), BASE + SIZE - 0x10000);
	CHECK_INT_EQ(place_find(&p, 0x10001), 0);
	place_free(&p);
}

static void estimates(void)
{
	char name[] = "hw-place-XXXXXX", *err = NULL;
	static const char source[] = "char big[5000000]; int x = 3;"
				     "int *f(void) { return &x; }\n";
	uint64_t size;

	CHECK(mkdtemp(name) != NULL);
	CHECK_INT_EQ(chdir(name), 0);
	CHECK_INT_EQ(file_write("a.c", source, strlen(source), NULL), 0);
	CHECK_INT_EQ(system("clang-19 -g -fPIC -c a.c"), 0);
	size = place_estimate("a.o", &err);
	CHECK(size >= 5000000 && size < 6000000);
	CHECK_INT_EQ(size % PLACE_ALIGN, 0);
	CHECK_INT_EQ(place_estimate("a.c", &err), 0);
	CHECK_STR_HAS(err, "not a whole ELF object");
	free(err);
	err = NULL;
	CHECK_INT_EQ(place_estimate("none.o", &err), 0);
	CHECK_STR_HAS(err, "none.o");
	free(err);
	CHECK_INT_EQ(system("rm -f ./* && cd .. && rmdir hw-place-??????"), 0);
	CHECK_INT_EQ(chdir(".."), 0);
}

static const struct check tests[] = {
    {"an empty arena begins at its base", empty_arena},
    {"the first range that fits is taken, aligned", first_fit},
    {"ranges may overlap", overlaps},
    {"what is outside does not count", ranges_outside},
    {"what is as large as a huge page has as much free behind", huge_ones},
    {"a full arena is said to be full", full_arena},
    {"the estimate covers variables without bytes in the file", estimates},
};
CHECK_MAIN(tests)
