/* SPDX-License-Identifier: MIT */
static struct {
	long b;
	int a;
} v;
long touch(void)
{
	return v.a++ + v.b;
}
