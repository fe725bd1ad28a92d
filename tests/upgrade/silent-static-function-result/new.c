/* SPDX-License-Identifier: MIT */
static int count;
static __attribute__((noinline)) long twice(int x)
{
	return 2l * x;
}
int next(int step)
{
	count += (int)twice(step);
	return count;
}
int last(void)
{
	return count;
}
