/* SPDX-License-Identifier: MIT */
#include "state.h"

enum kind {
	A,
	B,
	C
};
struct node {
	enum kind kind;
};

static struct node *list;

void touch(void)
{
	list->kind = C;
}

void show(void)
{
	printf("%d\n", (int)list->kind);
}
