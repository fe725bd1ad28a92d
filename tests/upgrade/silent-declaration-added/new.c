/* SPDX-License-Identifier: MIT */
extern int other;
int elsewhere(int a, int b);

int sum(const int *v, int n)
{
	int total = other + elsewhere(n, 1);

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
