/* SPDX-License-Identifier: MIT */
static union {
	int i;
	char c;
	long l;
} v;
long touch(void)
{
	return v.i++;
}
