/* SPDX-License-Identifier: MIT */
struct opaque {
	int x;
};
int f(struct opaque *o)
{
	return o ? o->x : 0;
}
