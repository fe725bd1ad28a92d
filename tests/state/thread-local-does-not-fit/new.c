/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 6;

void touch(void)
{
	n = worker;
}

void show(void)
{
	printf("%d now\n", n);
}
