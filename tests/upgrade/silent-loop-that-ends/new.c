/* SPDX-License-Identifier: MIT */
int sum(const int *v, int n)
{
	int total = 0;

	for (int i = 0;; i++) {
		if (i == n || v[i] < 0)
			break;
		total += v[i];
	}
	return total;
}
