/* SPDX-License-Identifier: MIT */
static int count;
static int twice(int x)
{
	return 2 * x;
}
static __attribute__((noinline)) int thrice(int x)
{
	return 3 * x;
}
int next(int step)
{
	count += thrice(twice(step));
	return count;
}
int last(void)
{
	return count;
}
