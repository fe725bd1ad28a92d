/* SPDX-License-Identifier: MIT */
#include "state.h"

static union {
	int i;
	float f;
	long l;
} u = {.i = 1};

void touch(void)
{
	u.f = 1;
}

void show(void)
{
	printf("%g\n", (double)u.f);
}
