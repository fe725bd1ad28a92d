/* SPDX-License-Identifier: MIT */
#include "state.h"

int other_value(void);
static int unrelated = 1;

void touch(void)
{
	unrelated = 1;
}

void show(void)
{
	printf("%d %d\n", unrelated, other_value());
}
