/* SPDX-License-Identifier: MIT */
static union {
	int i;
	char c;
} v;
long touch(void)
{
	return v.i++;
}
