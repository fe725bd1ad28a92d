/* SPDX-License-Identifier: MIT */
static int a = 1;
static char b = 2;
static long c = 3;
long touch(void)
{
	return a++ + b++ + c++;
}
