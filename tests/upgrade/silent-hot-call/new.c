/* SPDX-License-Identifier: MIT */
#include <hotwatch/hot.h>

static int count;
static int twice(int x)
{
	return 2 * x;
}
int next(int step)
{
	count += HOT(twice)(step);
	return count;
}
int last(void)
{
	return count;
}
