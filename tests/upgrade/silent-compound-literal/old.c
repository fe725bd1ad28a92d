/* SPDX-License-Identifier: MIT */
int use(const int *v);
int f(void)
{
	return use((int[]){1, 2, 3});
}
