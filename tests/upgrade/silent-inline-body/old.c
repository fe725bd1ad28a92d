/* SPDX-License-Identifier: MIT */
static inline int scale(int x)
{
	return x * 5;
}

int sum(const int *v, int n)
{
	int total = 0;

	for (int i = 0; i < n; i++)
		total += scale(v[i]);
	return total;
}
