/* SPDX-License-Identifier: MIT */
#include "state.h"

static int number = 5;

void touch(void)
{
	number = 6;
}

void show(void)
{
	printf("%d\n", number);
}
