/* SPDX-License-Identifier: MIT */
#include "state.h"

static int add(int a, int b)
{
	return a + b;
}

static int sub(int a, int b)
{
	return a - b;
}

static int mul(int a, int b)
{
	return a * b;
}

static int (*fn)(int, int) = add;

void touch(void)
{
	fn = mul(1, 1) ? sub : mul;
}

void show(void)
{
	printf("%d\n", fn(7, 3));
}
