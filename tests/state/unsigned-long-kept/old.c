/* SPDX-License-Identifier: MIT */
#include "state.h"

static unsigned long n = 1;

void touch(void)
{
	n = 1ul << 40;
}

void show(void)
{
	printf("%lu\n", (unsigned long)n);
}
