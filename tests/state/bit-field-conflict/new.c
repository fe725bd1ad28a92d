/* SPDX-License-Identifier: MIT */
#include "state.h"

static struct {
	unsigned x : 3;
	int z : 4;
} b = {1, 7};

void touch(void)
{
	b.z = -8;
}

void show(void)
{
	printf("%d %d\n", b.x, b.z);
}
