/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread short n;

void touch(void)
{
	n = (short)worker;
}

void show(void)
{
	printf("%d now\n", n);
}
