/* SPDX-License-Identifier: MIT */
struct hook {
	int (*fn)(int, int);
};
int run(struct hook *h)
{
	return h->fn(1, 2);
}
