/* SPDX-License-Identifier: MIT */
#include "state.h"

static int next(void)
{
	static long count = 10;

	return (int)++count;
}

static int other(void)
{
	return 0;
}

void touch(void)
{
	next();
	next();
	other();
}

void show(void)
{
	int a = next(), b = other();

	printf("%d %d\n", a, b);
}
