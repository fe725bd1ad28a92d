/* SPDX-License-Identifier: MIT */
#include "state.h"

static int m = 1;

void touch(void)
{
	m = 2;
}

void show(void)
{
	printf("%d\n", m);
}
