/* SPDX-License-Identifier: MIT */
static _Thread_local int v = 3;
long touch(void)
{
	return v++;
}
