/* SPDX-License-Identifier: MIT */
static const char *v = "one";
void set(const char *s)
{
	v = s;
}
long touch(void)
{
	return v[0];
}
