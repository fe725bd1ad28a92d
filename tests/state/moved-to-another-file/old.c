/* SPDX-License-Identifier: MIT */
#include "state.h"

int other_value(void);
static int moved_n = 5;

void touch(void)
{
	moved_n = 6;
}

void show(void)
{
	printf("%d %d\n", moved_n, other_value());
}
