/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *names[] = {
    "one",
    "2",
    "three",
};

void touch(void)
{
	if (!names[0])
		names[0] = names[1];
}

void show(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf("%s\n", names[i]);
}
