/* SPDX-License-Identifier: MIT */
static int v = 3;
volatile int sink;
const void *where(void)
{
	return &v;
}
long touch(void)
{
	return sink++;
}
