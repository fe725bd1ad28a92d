/* SPDX-License-Identifier: MIT */
int depth(int n)
{
	int d = 0;

	for (; n > 1; n /= 2)
		d++;
	return d;
}
