/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[3] = {1, 2, 3};

void touch(void)
{
	a[0] = 10;
}

void show(void)
{
	for (int i = 0; i < 3; i++)
		printf("%d%c", (int)a[i], i < 2 ? ' ' : '\n');
}
