/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int x;
	int y;
};

static struct point p = {1, 2};

void touch(void)
{
	p.x = 10;
}

void show(void)
{
	printf("%d %d\n", p.x, p.y);
}
