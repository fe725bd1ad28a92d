/* SPDX-License-Identifier: MIT */
#include "state.h"

struct state {
	int x, y;
};

static struct state state = {1, 2};
static struct state *where = &state;

void touch(void)
{
	where->x = 10;
}

void show(void)
{
	printf("%d\n", where->x);
}
