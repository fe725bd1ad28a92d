/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread struct {
	long w;
	int x;
	int y;
} p = {9, 1, 2};

void touch(void)
{
	p.y = worker;
}

void show(void)
{
	printf("%ld %d %d\n", p.w, p.x, p.y);
}
