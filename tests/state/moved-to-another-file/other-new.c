/* SPDX-License-Identifier: MIT */
#include "state.h"

int other_value(void);
static int moved_n = 5;

int other_value(void)
{
	return moved_n++;
}
