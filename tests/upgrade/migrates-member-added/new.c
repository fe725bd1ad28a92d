/* SPDX-License-Identifier: MIT */
struct s {
	int a;
	int b;
};
static struct s v;
long touch(void)
{
	return v.a++ + v.b;
}
