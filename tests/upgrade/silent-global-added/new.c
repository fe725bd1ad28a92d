/* SPDX-License-Identifier: MIT */
static int count;
int calls = 3;
static int twice(int x)
{
	calls++;
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
