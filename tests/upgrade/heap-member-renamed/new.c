/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
struct item {
	int key;
	char kind;
	long weight;
};
struct list {
	struct item *first;
	int n;
};
static struct list all;
int add(long value)
{
	if (!all.first)
		all.first = calloc(16, sizeof(*all.first));
	all.first[all.n].weight = value;
	all.first[all.n].key = all.n + 1;
	all.first[all.n].kind = 'a';
	return all.n++;
}
