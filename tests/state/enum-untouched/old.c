/* SPDX-License-Identifier: MIT */
#include "state.h"

enum color {
	RED,
	GREEN
};

static enum color color = RED;

void touch(void)
{
	color = color;
}

void show(void)
{
	printf("%d\n", (int)color);
}
