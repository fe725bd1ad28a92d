/* SPDX-License-Identifier: MIT */
#include "state.h"

static int one = 1, two = 2, three = 3;
static int *where = &three;

void touch(void)
{
	where = one ? &two : &one;
}

void show(void)
{
	printf("%d\n", *where);
}
