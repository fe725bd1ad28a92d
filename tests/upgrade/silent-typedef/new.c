/* SPDX-License-Identifier: MIT */
typedef int number;

number sum(const number *v, number n)
{
	int total = 1;

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
