/* SPDX-License-Identifier: MIT */
#include "state.h"

struct point {
	int x;
	int why;
};

static struct point p = {1, 5};

void touch(void)
{
	p.x = 10;
}

void show(void)
{
	printf("%d %d\n", p.x, p.why);
}
