/* SPDX-License-Identifier: MIT */
#include "state.h"

struct row {
	int a;
};

static struct row rows[2] = {{1}, {2}};

void touch(void)
{
	rows[1].a = 20;
}

void show(void)
{
	for (int i = 0; i < 2; i++)
		printf("%d\n", rows[i].a);
}
