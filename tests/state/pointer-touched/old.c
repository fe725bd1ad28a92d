/* SPDX-License-Identifier: MIT */
#include "state.h"

static int one = 1, two = 2, three = 3;
static int *where = &one;

void touch(void)
{
	where = &two;
	three++;
}

void show(void)
{
	printf("%d\n", *where);
}
