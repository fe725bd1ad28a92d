/* SPDX-License-Identifier: MIT */
struct opaque;
int f(struct opaque *o)
{
	return o != 0;
}
