/* SPDX-License-Identifier: MIT */
#include "state.h"

static float n = 0.5f;

void touch(void)
{
	n = 1.25f;
}

void show(void)
{
	printf("%g\n", (double)n);
}
