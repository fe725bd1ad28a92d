/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int x;
	int y;
	int z;
};

static struct point p = {1, 2, 3};

void touch(void)
{
	p.x = 10;
	p.y = 20;
}

void show(void)
{
	printf("%d %d %d\n", p.x, p.y, p.z);
}
