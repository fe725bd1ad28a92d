/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread struct {
	int x;
	int y;
} p = {1, 2};

void touch(void)
{
	p.y = worker;
}

void show(void)
{
	printf("%d %d\n", p.x, p.y);
}
