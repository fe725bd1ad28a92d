/* SPDX-License-Identifier: MIT */
static long v;
long touch(void)
{
	return v++;
}
