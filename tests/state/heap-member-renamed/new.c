/* SPDX-License-Identifier: MIT */
#include "state.h"

struct node {
	int value;
};

static struct node *list;

void touch(void)
{
	list->value = 4;
}

void show(void)
{
	printf("%d\n", list->value);
}
