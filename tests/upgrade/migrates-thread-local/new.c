/* SPDX-License-Identifier: MIT */
static _Thread_local long v;
long touch(void)
{
	return v++;
}
