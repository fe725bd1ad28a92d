/* SPDX-License-Identifier: MIT */
#include "state.h"

static char s[16] = "one";

void touch(void)
{
	s[0] = s[0];
}

void show(void)
{
	printf("%s\n", s);
}
