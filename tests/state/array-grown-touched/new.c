/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[5] = {1, 2, 3, 4, 5};

void touch(void)
{
	a[0] = 10;
}

void show(void)
{
	for (int i = 0; i < 5; i++)
		printf("%d%c", (int)a[i], i < 4 ? ' ' : '\n');
}
