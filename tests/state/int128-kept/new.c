/* SPDX-License-Identifier: MIT */
#include "state.h"

static __int128 n = 2;

void touch(void)
{
	n = (__int128)1 << 100;
}

void show(void)
{
	printf("%ld\n", (long)(n >> 64) + 0 * (long)n);
}
