/* SPDX-License-Identifier: MIT */
#include "state.h"

long shared_w = 5;

void touch(void)
{
	shared_w = 6;
}

void show(void)
{
	printf("%ld\n", shared_w);
}
