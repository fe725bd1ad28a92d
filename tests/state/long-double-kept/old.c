/* SPDX-License-Identifier: MIT */
#include "state.h"

static long double n = 1.5l;

void touch(void)
{
	n = 3.5l;
}

void show(void)
{
	printf("%Lg\n", n);
}
