/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread double n = 5;

void touch(void)
{
	n += worker;
}

void show(void)
{
	printf("%g\n", n);
}
