/* SPDX-License-Identifier: MIT */
int apply(int (*fn)(int, int), int x)
{
	return fn(x, 7) + 1;
}
