/* SPDX-License-Identifier: MIT */
static int v;
static int other;
long touch(void)
{
	return v++ + other++;
}
