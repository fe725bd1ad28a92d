/* SPDX-License-Identifier: MIT */
#include "state.h"

static const char *s = "one";

void touch(void)
{
	s = "mine";
}

void show(void)
{
	printf("%s\n", s);
}
