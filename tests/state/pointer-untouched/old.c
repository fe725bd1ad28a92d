/* SPDX-License-Identifier: MIT */
#include "state.h"

static int one = 1, two = 2;
static int *where = &one;

void touch(void)
{
	one = 10;
	two = 20;
}

void show(void)
{
	printf("%d\n", *where);
}
