/* SPDX-License-Identifier: MIT */
#include "state.h"

static int next(void)
{
	static int count = 10;

	return ++count;
}

static int other(void)
{
	static int count = 20;

	return ++count;
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
