/* SPDX-License-Identifier: MIT */
#include "state.h"

static const int n = 5;

void touch(void)
{
}

void show(void)
{
	printf("%d\n", *(volatile const int *)&n);
}
