/* SPDX-License-Identifier: MIT */
#include "state.h"

static double n = 1;

void touch(void)
{
	n = 42;
}

void show(void)
{
	printf("%g\n", (double)n);
}
