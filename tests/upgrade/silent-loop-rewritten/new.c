/* SPDX-License-Identifier: MIT */
int sum(const int *v, int n)
{
	int total = 0;

	while (n-- > 0)
		total += *v++;
	return total;
}
