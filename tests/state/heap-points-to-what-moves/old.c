/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[2] = {1, 2};
static int **where;

void touch(void)
{
	where = malloc(sizeof(*where));
	*where = a;
}

void show(void)
{
	printf("%d\n", **where);
}
