/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int y;
};

static struct point p = {2};

void touch(void)
{
	p.y = 20;
}

void show(void)
{
	printf("%d\n", p.y);
}
