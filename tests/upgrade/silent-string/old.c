/* SPDX-License-Identifier: MIT */
int puts(const char *s);
int hello(void)
{
	return puts("hello");
}
