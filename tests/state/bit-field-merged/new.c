/* SPDX-License-Identifier: MIT */
#include "state.h"

static struct {
	unsigned x : 3;
	unsigned y : 7;
	int z : 4;
} b = {1, 100, -4};

void touch(void)
{
	b.x = 5;
}

void show(void)
{
	printf("%d %d %d\n", b.x, b.y, b.z);
}
