/* SPDX-License-Identifier: MIT */
#include "state.h"

static int a = 1;

void touch(void)
{
	a = 2;
}

void show(void)
{
	printf("%d\n", a);
}
