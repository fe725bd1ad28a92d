/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 5;

void touch(void)
{
	n = 3;
}

void show(void)
{
	printf("%d\n", n);
}
