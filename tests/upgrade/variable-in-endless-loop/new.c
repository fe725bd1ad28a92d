/* SPDX-License-Identifier: MIT */
int elsewhere(void);
static int waiting;
int touch(void)
{
	return waiting;
}
void serve(void)
{
	for (;;)
		waiting += (short)elsewhere();
}
