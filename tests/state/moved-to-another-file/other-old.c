/* SPDX-License-Identifier: MIT */
#include "state.h"

int other_value(void);

int other_value(void)
{
	return 1;
}
