/* SPDX-License-Identifier: MIT */
#include "state.h"

static struct {
	int x;
	int z : 4;
} b = {1, -3};

void touch(void)
{
	b.x = 31;
}

void show(void)
{
	printf("%d %d\n", b.x, b.z);
}
