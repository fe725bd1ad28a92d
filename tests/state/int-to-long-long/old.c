/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 1;

void touch(void)
{
	n = -2000000000;
}

void show(void)
{
	printf("%lld\n", (long long)n);
}
