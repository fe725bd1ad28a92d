/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 5;

void touch(void)
{
	n = 6;
}

void show(void)
{
	printf("%d\n", n);
}
