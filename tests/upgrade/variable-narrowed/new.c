/* SPDX-License-Identifier: MIT */
static short v;
long touch(void)
{
	return v++;
}
