/* SPDX-License-Identifier: MIT */
#include "state.h"

static int *where;

void touch(void)
{
	where = malloc(sizeof(int));
	*where = 5;
}

void show(void)
{
	printf("%d\n", *where);
}
