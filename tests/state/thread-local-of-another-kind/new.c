/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <hotwatch/code.h>
#include <hotwatch/hot.h>

static __thread struct {
	long v;
} n = {5};

static int change(const struct hw_change *c)
{
	(void)c;
	return 0;
}
HOT_CODE_CHANGE(change);

void touch(void)
{
	n.v = worker;
}

void show(void)
{
	printf("%ld now\n", n.v);
}
