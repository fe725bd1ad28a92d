/* SPDX-License-Identifier: MIT */
#include "state.h"

enum color {
	BLACK,
	RED,
	GREEN
};

static enum color color = RED;

void touch(void)
{
	color = BLACK;
}

void show(void)
{
	printf("%d %d\n", (int)color, color == GREEN);
}
