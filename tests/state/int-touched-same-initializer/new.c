/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 10 / 2;

void touch(void)
{
	n = 6;
}

void show(void)
{
	printf("%d\n", n);
}
