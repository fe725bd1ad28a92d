/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[4] = {1, 2, 3, 4};
static int **where;

void touch(void)
{
	*where = a;
}

void show(void)
{
	printf("%d\n", **where);
}
