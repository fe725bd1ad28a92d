/* SPDX-License-Identifier: MIT */
int sum(const int *v, int count)
{
	int total = 1;

	for (int i = 0; i < count; i++)
		total += v[i];
	return total;
}
