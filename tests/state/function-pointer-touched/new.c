/* SPDX-License-Identifier: MIT */
#include "state.h"

static int add(int a, int b)
{
	return a + b + 0;
}

static int sub(int a, int b)
{
	return a - b;
}

static int mul(int a, int b)
{
	return a * b;
}

static int rem(int a, int b)
{
	return a % b;
}

static int (*fn)(int, int) = rem;

void touch(void)
{
	fn = mul(1, 1) ? sub : add;
}

void show(void)
{
	printf("%d\n", fn(7, 3));
}
