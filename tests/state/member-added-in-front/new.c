/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	long w;
	int x;
	int y;
};

static struct point p = {5, 1, 2};

void touch(void)
{
	p.x = 10;
}

void show(void)
{
	printf("%ld %d %d\n", p.w, p.x, p.y);
}
