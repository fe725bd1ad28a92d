/* SPDX-License-Identifier: MIT */
#include "state.h"

static long n = 1;

void touch(void)
{
	n = -30000;
}

void show(void)
{
	printf("%ld\n", (long)n);
}
