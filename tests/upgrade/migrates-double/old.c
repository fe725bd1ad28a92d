/* SPDX-License-Identifier: MIT */
static float v;
long touch(void)
{
	return (long)v++;
}
