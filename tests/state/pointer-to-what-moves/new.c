/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[4] = {1, 2, 3, 4};
static int *where = a + 1;

void touch(void)
{
	*where = 10;
}

void show(void)
{
	printf("%d %d %d\n", *where, (int)(where - a), a[0]);
}
