/* SPDX-License-Identifier: MIT */
#include "state.h"

static int *where;
static int other = 1;

void touch(void)
{
	where = &other;
}

void show(void)
{
	printf("%d %d\n", *where, other);
}
