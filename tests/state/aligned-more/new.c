/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n __attribute__((aligned(4096))) = 5;

void touch(void)
{
	n = 6;
}

void show(void)
{
	printf("%d %d\n", n, (int)((uintptr_t)&n % 4096));
}
