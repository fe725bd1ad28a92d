/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread long n;

void touch(void)
{
	n = worker;
}

/* One thread's copy stays what it was, unconverted. */
void show(void)
{
	if (worker != 3)
		printf("%ld\n", n);
}
