/* SPDX-License-Identifier: MIT */
static _Thread_local int v;
long touch(void)
{
	return v++;
}
