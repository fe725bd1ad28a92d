/* SPDX-License-Identifier: MIT */
#include "state.h"

struct packet {
	char kind;
	long size;
};

static struct packet p = {'a', 100};

void touch(void)
{
	p.size = 77;
}

void show(void)
{
	printf("%c %ld\n", p.kind, p.size);
}
