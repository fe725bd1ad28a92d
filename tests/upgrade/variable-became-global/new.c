/* SPDX-License-Identifier: MIT */
int v;
long touch(void)
{
	return v++;
}
