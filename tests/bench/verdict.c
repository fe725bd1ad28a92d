/* SPDX-License-Identifier: MIT
 *
 * verdict OLD.so NEW.so: what a verdict about one module costs, the old
 * side linked as it is in a hot build: both files opened, all rules run, the
 * findings with their places. The median of 21 rounds, in milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "watcher/check.h"

#define ROUNDS 21

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* -1: they could not be compared. */
static double verdict(char **files, size_t *findings)
{
	struct check_module was = {.name = "module", .file = files[0]};
	struct check_module is = {.name = "module", .file = files[1]};
	struct check_side old = {.modules = &was, .n = 1};
	struct check_side new = {.modules = &is, .n = 1};
	struct check_result r = {0};
	double from = now(), took;
	int e = check_compare(&old, &new, &r, NULL);

	took = now() - from;
	*findings = r.n;
	if (r.nunknown) {
		fprintf(stderr, "%s\n", r.unknown[0].why);
		e = -1;
	}
	check_result_free(&r);
	return e < 0 ? -1 : took;
}

int main(int argc, char **argv)
{
	double ms[ROUNDS];
	size_t findings = 0;

	if (argc != 3)
		return 2;
	for (int i = 0; i < ROUNDS; i++) {
		ms[i] = verdict(argv + 1, &findings);
		if (ms[i] < 0)
			return 1;
	}
	qsort(ms, ROUNDS, sizeof(*ms), by_size);
	printf("%.3f %zu\n", ms[ROUNDS / 2], findings);
	return 0;
}
