/* SPDX-License-Identifier: MIT */
static _Thread_local int v;
static int w;
long touch(void)
{
	return v++ + w++;
}
