/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[2][2] = {{1, 2}, {3, 4}};

void touch(void)
{
	a[1][0] = 30;
}

void show(void)
{
	for (int i = 0; i < 4; i++)
		printf("%d%c", a[i / 2][i % 2], i < 3 ? ' ' : '\n');
}
