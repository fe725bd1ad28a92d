/* SPDX-License-Identifier: MIT */
struct name {
	char text[16];
	int length;
};
int length_of(struct name *n)
{
	return n->length;
}
