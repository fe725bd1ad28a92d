/* SPDX-License-Identifier: MIT */
struct unused {
	int a;
};

int sum(const int *v, int n)
{
	int total = 1;

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
