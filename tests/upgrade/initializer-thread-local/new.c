/* SPDX-License-Identifier: MIT */
static _Thread_local int v = 4;
long touch(void)
{
	return v++;
}
