/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 5;

void touch(void)
{
	n += worker;
}

void show(void)
{
	printf("%d\n", n);
}
