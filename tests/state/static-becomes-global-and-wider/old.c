/* SPDX-License-Identifier: MIT */
#include "state.h"

static int shared_w = 5;

void touch(void)
{
	shared_w = 6;
}

void show(void)
{
	printf("%d\n", shared_w);
}
