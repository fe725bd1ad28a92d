/* SPDX-License-Identifier: MIT */
#include "state.h"

static double n = 0.5;

void touch(void)
{
	n = 1.25f;
}

void show(void)
{
	printf("%g\n", (double)n);
}
