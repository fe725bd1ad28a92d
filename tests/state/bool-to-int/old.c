/* SPDX-License-Identifier: MIT */
#include "state.h"

static bool n = false;

void touch(void)
{
	n = 1;
}

void show(void)
{
	printf("%d\n", n);
}
