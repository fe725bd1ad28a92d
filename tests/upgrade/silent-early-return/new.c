/* SPDX-License-Identifier: MIT */
int sum(const int *v, int n)
{
	int total = 0;

	if (!v)
		return -1;
	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
