/* SPDX-License-Identifier: MIT */
int apply(int (*fn)(int), int x)
{
	return fn(x) + 1;
}
