/* SPDX-License-Identifier: MIT */
static int a = 1;
static char b = 2;
static long c = 1 + 2;
long touch(void)
{
	return a++ + b++ + c++ + 1;
}
