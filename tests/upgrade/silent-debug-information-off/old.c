/* SPDX-License-Identifier: MIT */
static int count;
static int twice(int x)
{
	return 2 * x;
}
int next(int step)
{
	count += twice(step);
	return count;
}
int last(void)
{
	return count;
}
