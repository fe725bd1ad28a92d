/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a[4] = {1};

void touch(void)
{
	a[3] = 7;
}

void show(void)
{
	for (int i = 0; i < 4; i++)
		printf("%d%c", (int)a[i], i < 3 ? ' ' : '\n');
}
