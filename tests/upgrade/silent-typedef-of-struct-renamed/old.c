/* SPDX-License-Identifier: MIT */
typedef struct item {
	int key;
} item_t;
int key_of(item_t *i)
{
	return i->key;
}
