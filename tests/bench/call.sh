#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a qualified call costs over a local one, by a function that does nothing:
# of a module that was never reloaded, and of one that was.
. "$(dirname "$0")/lib.sh"

project p
cat >p/main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define CALLS 20000000L
#define ROUNDS 25
int qualified(int x);
static __attribute__((noinline)) int local(int x)
{
	__asm__ volatile("");
	return x + 1;
}
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}
static int by_size(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}
#define MEASURE(into, call)                                 \
	do {                                                \
		double began = now();                       \
		for (long n = 0; n < CALLS; n++)            \
			x = call(x);                        \
		into = (now() - began) / CALLS;             \
	} while (0)
static int measure(void)
{
	static double l[ROUNDS], q[ROUNDS], d[ROUNDS];
	int x = 0;

	for (int i = 0; i < ROUNDS; i++) {
		MEASURE(l[i], local);
		MEASURE(q[i], qualified);
		d[i] = q[i] - l[i];
	}
	qsort(l, ROUNDS, sizeof(*l), by_size);
	qsort(q, ROUNDS, sizeof(*q), by_size);
	qsort(d, ROUNDS, sizeof(*d), by_size);
	printf("{\"local\": %.3f, \"qualified\": %.3f, \"more\": %.3f}\n",
	       l[ROUNDS / 2], q[ROUNDS / 2], d[ROUNDS / 2]);
	fflush(stdout);
	return x;
}
int main(void)
{
	int x = measure();

	getchar(); /* the other file is reloaded meanwhile */
	return x + measure() == 0;
}
END
cat >p/other.c <<'END'
int qualified(int x);
int qualified(int x)
{
	__asm__ volatile("");
	return x + 1;
}
END
(cd p && "$hw" cc -O2 main.c other.c -o p)
start_watch p
mkfifo go
spawn program sh -c 'exec p/p <go'
exec 7>go
wait_line program.out more
sync_watch
replace p/other.c 'x + 1' 'x + 2'
sync_watch
expect_eq "the other file's version" "$(version_of "${pid_of[program]}" other)" 1
echo >&7
wait_line program.out more 2
for when in 1,never 2,once; do
	sed -n "${when%,*}p" program.out >figures.json
	figure "a local call" "$(of .local <figures.json)" ns
	figure "a qualified call, ${when#*,} reloaded" \
		"$(of .qualified <figures.json)" ns
	figure "  more than the local one" "$(of .more <figures.json)" ns max 0.4
done
stop program
exit $over_limit
