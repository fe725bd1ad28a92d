/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 7;

void touch(void)
{
	n = 1;
}

void show(void)
{
	printf("%d\n", n);
}
