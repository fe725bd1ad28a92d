/* SPDX-License-Identifier: MIT */
static int count;
static int twice(int x)
{
	return 2 * x;
}
int last(void)
{
	return count;
}
int next(int step)
{
	count += twice(step);
	return count;
}
