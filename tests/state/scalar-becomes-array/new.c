/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[2] = {1, 1};

void touch(void)
{
	a[0] = 2;
}

void show(void)
{
	for (int i = 0; i < 2; i++)
		printf("%d%c", (int)a[i], i < 1 ? ' ' : '\n');
}
