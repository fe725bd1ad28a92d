/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 0;

void touch(void)
{
	n = 1;
}

void show(void)
{
	printf("%d\n", n);
}
