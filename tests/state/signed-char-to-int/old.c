/* SPDX-License-Identifier: MIT */
#include "state.h"

static signed char n = 1;

void touch(void)
{
	n = -5;
}

void show(void)
{
	printf("%d\n", n);
}
