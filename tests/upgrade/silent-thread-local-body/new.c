/* SPDX-License-Identifier: MIT */
static _Thread_local int v = 3;
int next(void)
{
	return v += 2;
}
