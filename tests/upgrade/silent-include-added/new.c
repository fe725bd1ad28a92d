/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int sum(const int *v, int n)
{
	int total = (int)strlen("ab");

	for (int i = 0; i < n; i++)
		total += v[i];
	return total;
}
