/* SPDX-License-Identifier: MIT */
#include "state.h"

static struct {
	unsigned x : 5;
	int z : 9;
} b = {1, -3};

void touch(void)
{
	b.z = -8;
}

void show(void)
{
	printf("%d %d\n", b.x, b.z);
}
