/* SPDX-License-Identifier: MIT */
static int (*v)(int, int);
void set(int (*fn)(int))
{
	v = (int (*)(int, int))(void *)fn;
}
long touch(void)
{
	return v(1, 2);
}
