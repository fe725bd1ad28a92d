/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int y;
	int x;
};

static struct point p = {2, 1};

void touch(void)
{
	p.x = 10;
}

void show(void)
{
	printf("%d %d\n", p.x, p.y);
}
