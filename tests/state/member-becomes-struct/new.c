/* SPDX-License-Identifier: MIT */
#include "state.h"

struct pair {
	int a, b;
};

struct point {
	struct pair x;
	int y;
};

static struct point p = {{1, 1}, 2};

void touch(void)
{
	p.y = 10;
}

void show(void)
{
	printf("%d %d\n", p.x.a, p.y);
}
