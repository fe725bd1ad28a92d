/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int x;
};

static struct point p = {1};

void touch(void)
{
	p.x = 10;
}

void show(void)
{
	printf("%d\n", p.x);
}
