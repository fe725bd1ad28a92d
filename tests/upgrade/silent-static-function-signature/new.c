/* SPDX-License-Identifier: MIT */
static int count;
static __attribute__((noinline)) int twice(int x, int y)
{
	return 2 * x + y;
}
int next(int step)
{
	count += twice(step, count);
	return count;
}
int last(void)
{
	return count;
}
