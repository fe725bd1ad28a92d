/* SPDX-License-Identifier: MIT */
#include "state.h"

static unsigned n = 1;

void touch(void)
{
	n = 77;
}

void show(void)
{
	printf("%u\n", (unsigned)n);
}
