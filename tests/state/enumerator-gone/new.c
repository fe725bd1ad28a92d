/* SPDX-License-Identifier: MIT */
#include "state.h"

enum color {
	GREEN,
	RED
};

static enum color color = RED;

void touch(void)
{
	color = GREEN;
}

void show(void)
{
	printf("%d\n", (int)color);
}
