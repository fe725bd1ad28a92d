/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n;

void touch(void)
{
	n = worker == 3 ? 70000 : worker;
}

void show(void)
{
	printf("%d\n", n);
}
