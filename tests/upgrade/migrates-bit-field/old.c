/* SPDX-License-Identifier: MIT */
static struct {
	unsigned int a : 3;
	unsigned int b : 2;
} v;
long touch(void)
{
	return v.a++ + v.b;
}
