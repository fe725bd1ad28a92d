/* SPDX-License-Identifier: MIT */
#include "state.h"

struct __attribute__((packed)) packet {
	char kind;
	long size;
};

static struct packet p = {'c', 300};

void touch(void)
{
	p.kind = 'b';
}

void show(void)
{
	printf("%c %ld\n", p.kind, p.size);
}
