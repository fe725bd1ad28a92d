/* SPDX-License-Identifier: MIT */
#include "state.h"

struct inner {
	int a;
	int b;
};

struct point {
	int x;
	struct inner i;
	int y;
};

static struct point p = {1, {2, 7}, 3};

void touch(void)
{
	p.i.a = 20;
}

void show(void)
{
	printf("%d %d %d %d\n", p.x, p.i.a, p.i.b, p.y);
}
