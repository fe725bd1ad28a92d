/* SPDX-License-Identifier: MIT */
static char b = 2;
static long c = 3;
static int a = 1;
long touch(void)
{
	return a++ + b++ + c++ + 1;
}
