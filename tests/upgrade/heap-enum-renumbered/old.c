/* SPDX-License-Identifier: MIT */
enum color {
	RED,
	GREEN
};
struct lamp {
	enum color color;
};
int is_green(struct lamp *l)
{
	return l->color == GREEN;
}
