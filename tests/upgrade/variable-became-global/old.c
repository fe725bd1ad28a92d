/* SPDX-License-Identifier: MIT */
static int v;
long touch(void)
{
	return v++;
}
