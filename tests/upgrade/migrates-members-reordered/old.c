/* SPDX-License-Identifier: MIT */
static struct {
	int a;
	long b;
} v;
long touch(void)
{
	return v.a++ + v.b;
}
