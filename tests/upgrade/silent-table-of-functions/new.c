/* SPDX-License-Identifier: MIT */
static int one(int x)
{
	return x + 1;
}
static int two(int x)
{
	return x * 2;
}
struct entry {
	const char *name;
	int (*fn)(int);
};
static struct entry table[] = {{"one", one}, {"two", two}};
int run(int i, int x)
{
	table[i].name = "was run";
	return table[i].fn(x);
}
