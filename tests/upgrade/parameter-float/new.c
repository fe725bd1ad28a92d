/* SPDX-License-Identifier: MIT */
static int count;
static int twice(int x)
{
	return 2 * x;
}
int next(double step)
{
	count += twice((int)step);
	return count;
}
int last(void)
{
	return count;
}
