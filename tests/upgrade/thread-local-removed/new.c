/* SPDX-License-Identifier: MIT */
static int w;
long touch(void)
{
	return w++;
}
