/* SPDX-License-Identifier: MIT */
int sum(int *v, int n)
{
	int total = 1;

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
