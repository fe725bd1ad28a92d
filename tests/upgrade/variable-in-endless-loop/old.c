/* SPDX-License-Identifier: MIT */
int elsewhere(void);
static short waiting;
int touch(void)
{
	return waiting;
}
void serve(void)
{
	for (;;)
		waiting += (short)elsewhere();
}
