/* SPDX-License-Identifier: MIT */
static int count;
int next(int step);
int next(int step)
{
	count += step;
	return count;
}
