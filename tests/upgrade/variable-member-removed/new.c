/* SPDX-License-Identifier: MIT */
struct s {
	int a;
};
static struct s v;
long touch(void)
{
	return v.a++;
}
