/* SPDX-License-Identifier: MIT */
#include "state.h"

struct node {
	int v;
	struct node *next;
};

static struct node *list;

void touch(void)
{
	list = calloc(1, sizeof(*list));
	list->v = 3;
}

void show(void)
{
	printf("%d\n", list->v);
}
