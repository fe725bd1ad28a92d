/* SPDX-License-Identifier: MIT */
#include "state.h"

static char s[8] = "one";

void touch(void)
{
	strcpy(s, "mine");
}

void show(void)
{
	printf("%s\n", s);
}
