/* SPDX-License-Identifier: MIT */
static struct {
	unsigned int a : 5;
	unsigned int b : 2;
} v;
long touch(void)
{
	return v.a++ + v.b;
}
