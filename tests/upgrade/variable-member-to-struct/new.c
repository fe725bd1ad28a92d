/* SPDX-License-Identifier: MIT */
struct in {
	int x;
};
struct s {
	struct in a;
};
static struct s v;
long touch(void)
{
	return v.a.x += 2;
}
