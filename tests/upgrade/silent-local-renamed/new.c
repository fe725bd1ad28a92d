/* SPDX-License-Identifier: MIT */
int sum(const int *v, int n)
{
	int result = 0;

	for (int i = 0; i < n; i++)
		result += v[i];
	return result;
}
