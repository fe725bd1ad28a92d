/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *s = "two";

void touch(void)
{
	s = s;
}

void show(void)
{
	printf("%s\n", s);
}
