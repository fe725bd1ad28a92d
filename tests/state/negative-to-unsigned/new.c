/* SPDX-License-Identifier: MIT */
#include "state.h"

static unsigned n = 1;

void touch(void)
{
	n = -1;
}

void show(void)
{
	printf("now %d\n", (int)n);
}
