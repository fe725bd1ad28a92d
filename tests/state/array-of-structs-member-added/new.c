/* SPDX-License-Identifier: MIT */
#include "state.h"

struct row {
	int a;
	long b;
};

static struct row rows[3] = {{1, 5}, {2, 6}, {3, 7}};

void touch(void)
{
	rows[1].a = 20;
}

void show(void)
{
	for (int i = 0; i < 3; i++)
		printf("%d %ld\n", rows[i].a, rows[i].b);
}
