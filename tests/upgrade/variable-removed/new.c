/* SPDX-License-Identifier: MIT */
static int other;
long touch(void)
{
	return other++;
}
