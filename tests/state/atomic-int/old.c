/* SPDX-License-Identifier: MIT */
#include "state.h"

static _Atomic int n = 5;

void touch(void)
{
	n = n + 0;
}

void show(void)
{
	printf("%d\n", n);
}
