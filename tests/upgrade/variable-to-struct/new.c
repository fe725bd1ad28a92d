/* SPDX-License-Identifier: MIT */
struct pair {
	int a;
	int b;
};
static struct pair v;
long touch(void)
{
	return v.a++;
}
