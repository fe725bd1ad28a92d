/* SPDX-License-Identifier: MIT */
int elsewhere(int);
static int count;
int next(int step)
{
	int held[4] = {0};
	const int last = 3;

	for (int i = 0; i < 4; i++)
		held[i] = elsewhere(i);
	if (step > held[2])
		count += step;
	else
		count -= held[last];
	return count;
}
