/* SPDX-License-Identifier: MIT */
enum level {
	LOW,
	HIGH
};
int is_high(enum level l)
{
	return l == HIGH;
}
