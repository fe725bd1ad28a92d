/* SPDX-License-Identifier: MIT */
#include "state.h"

static int n = 5, m = 1;

void touch(void)
{
	n = 6;
	m = 2;
}

void show(void)
{
	printf("%d %d\n", n, m);
}
