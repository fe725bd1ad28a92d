/* SPDX-License-Identifier: MIT */
#include "state.h"

enum color {
	RED,
	GREEN,
	BLUE
};

static enum color color = RED;

void touch(void)
{
	color = BLUE;
}

void show(void)
{
	printf("%d %d\n", (int)color, color == GREEN);
}
