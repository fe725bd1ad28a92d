/* SPDX-License-Identifier: MIT */
static double v;
long touch(void)
{
	return (long)v++;
}
