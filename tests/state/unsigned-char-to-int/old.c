/* SPDX-License-Identifier: MIT */
#include "state.h"

static unsigned char n = 1;

void touch(void)
{
	n = 200;
}

void show(void)
{
	printf("%d\n", n);
}
