/* SPDX-License-Identifier: MIT */
#include "state.h"

enum kind {
	A,
	B
};
struct node {
	enum kind kind;
};

static struct node *list;

void touch(void)
{
	list = calloc(1, sizeof(*list));
	list->kind = B;
}

void show(void)
{
	printf("%d\n", (int)list->kind);
}
