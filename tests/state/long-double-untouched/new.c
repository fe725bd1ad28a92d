/* SPDX-License-Identifier: MIT */
#include "state.h"

static long double n = 2.5l;

void touch(void)
{
	n = n + 0;
}

void show(void)
{
	printf("%Lg\n", n);
}
