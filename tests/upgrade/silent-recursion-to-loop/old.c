/* SPDX-License-Identifier: MIT */
int depth(int n)
{
	return n > 1 ? 1 + depth(n / 2) : 0;
}
