/* SPDX-License-Identifier: MIT */
struct in {
	int x;
};
struct s {
	int a;
};
static struct s v;
long touch(void)
{
	return v.a++;
}
