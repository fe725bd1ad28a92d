/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *names[] = {
    "uno",
    "due",
};

void touch(void)
{
	names[1] = "mine";
}

void show(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		printf("%s\n", names[i]);
}
