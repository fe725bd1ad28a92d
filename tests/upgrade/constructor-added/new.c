/* SPDX-License-Identifier: MIT */
int elsewhere(void);

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
__attribute__((constructor)) static void begin(void)
{
	count = elsewhere();
}
