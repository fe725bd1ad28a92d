/* SPDX-License-Identifier: MIT */
#include "state.h"

static uint64_t n = 1;

void touch(void)
{
	n = 0xfffffffful;
}

void show(void)
{
	printf("%lu\n", (unsigned long)n);
}
