/* SPDX-License-Identifier: MIT */
#include "state.h"

static volatile int n = 5;

void touch(void)
{
	n = n + 0;
}

void show(void)
{
	printf("%d\n", n);
}
