/* SPDX-License-Identifier: MIT */
#include "state.h"

int shared_n = 5;

void touch(void)
{
	shared_n = 6;
}

void show(void)
{
	printf("%d\n", shared_n++);
}
