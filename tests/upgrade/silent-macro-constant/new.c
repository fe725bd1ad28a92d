/* SPDX-License-Identifier: MIT */
#define LIMIT 4

int sum(const int *v, int n)
{
	int total = 0;

	for (int i = 0; i < n && i < LIMIT; i++)
		total += v[i];
	return total;
}
