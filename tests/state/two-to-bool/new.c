/* SPDX-License-Identifier: MIT */
#include "state.h"

static bool n = 0;

void touch(void)
{
	n = 2;
}

void show(void)
{
	printf("%d\n", n);
}
