/* SPDX-License-Identifier: MIT */
long touch(void)
{
	static int m;

	return m++;
}
