/* SPDX-License-Identifier: MIT */
#include "state.h"

static unsigned n = 1;

void touch(void)
{
	n = 4000000000u;
}

void show(void)
{
	printf("%ld\n", (long)n);
}
