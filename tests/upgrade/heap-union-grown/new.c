/* SPDX-License-Identifier: MIT */
union value {
	int number;
	char text[32];
};
int number_of(union value *v)
{
	return v->number + 1;
}
