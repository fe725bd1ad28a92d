/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread long n = 5;

void touch(void)
{
	n += worker;
}

void show(void)
{
	printf("%ld\n", n);
}
