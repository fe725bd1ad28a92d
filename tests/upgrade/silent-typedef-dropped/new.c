/* SPDX-License-Identifier: MIT */
struct item {
	int key;
};
int key_of(struct item *i)
{
	return i->key + 1;
}
