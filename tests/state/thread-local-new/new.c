/* SPDX-License-Identifier: MIT */
#include "state.h"

static __thread int n = 5;
static __thread int more = 50;

void touch(void)
{
	n += worker;
}

void show(void)
{
	more += n;
	printf("%d %d\n", n, more);
}
