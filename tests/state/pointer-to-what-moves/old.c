/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[2] = {1, 2};
static int *where = a + 1;

void touch(void)
{
	*where = 20;
}

void show(void)
{
	printf("%d %d %d\n", *where, (int)(where - a), a[0]);
}
