/* SPDX-License-Identifier: MIT */
#include "state.h"

static struct {
	long x;
	union {
		int i;
		unsigned u;
	};
} p = {1, {2}};

void touch(void)
{
	p.i = 20;
}

void show(void)
{
	printf("%ld %d\n", p.x, p.i);
}
