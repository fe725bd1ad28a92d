/* SPDX-License-Identifier: MIT */
#include "state.h"

static int one = 1, two = 2;
static int *where = &two;

void touch(void)
{
	where = &one;
	where = &two;
}

void show(void)
{
	printf("%d\n", *where);
}
