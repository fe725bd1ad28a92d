/* SPDX-License-Identifier: MIT */
static int v = 3;
long touch(void)
{
	return v++;
}
