/* SPDX-License-Identifier: MIT */
#include "state.h"

static union {
	int i;
	float f;
} u = {.i = 2};

void touch(void)
{
	u.i = u.i;
}

void show(void)
{
	printf("%d\n", u.i);
}
