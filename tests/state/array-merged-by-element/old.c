/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[4] = {1, 2, 3, 4};

void touch(void)
{
	a[1] = 9;
}

void show(void)
{
	for (int i = 0; i < 4; i++)
		printf("%d%c", (int)a[i], i < 3 ? ' ' : '\n');
}
