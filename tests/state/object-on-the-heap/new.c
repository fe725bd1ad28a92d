/* SPDX-License-Identifier: MIT */
#include "state.h"

struct node {
	long v;
	struct node *next;
};

static struct node *list;

void touch(void)
{
	list = calloc(1, sizeof(*list));
}

void show(void)
{
	printf("%ld\n", list->v);
}
