/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 5;

void touch(void)
{
	n += worker + 0;
}

void show(void)
{
	printf("now %d\n", n);
}
