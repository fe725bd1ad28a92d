/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int x;
	long y;
	int z;
};

static struct point p = {1, 2, 3};

void touch(void)
{
	p.y = -20;
}

void show(void)
{
	printf("%d %ld %d\n", p.x, p.y, p.z);
}
