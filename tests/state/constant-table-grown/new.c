/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *const names[] = {
    "one",
    "due",
    "three",
};

void touch(void)
{
}

void show(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf("%s\n", names[i]);
}
