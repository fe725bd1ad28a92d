/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 1;

void touch(void)
{
	n = 70000l * 70000;
}

void show(void)
{
	printf("%ld\n", (long)n);
}
