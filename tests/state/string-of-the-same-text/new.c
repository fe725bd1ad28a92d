/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *s = "o"
		       "ne";

void touch(void)
{
	s = "other";
}

void show(void)
{
	printf("%s\n", s);
}
