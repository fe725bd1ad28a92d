/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 5;

void touch(void)
{
	n -= 100 * worker;
}

void show(void)
{
	printf("%d\n", n);
}
