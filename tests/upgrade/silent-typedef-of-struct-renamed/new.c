/* SPDX-License-Identifier: MIT */
typedef struct item {
	int key;
} entry_t;
int key_of(entry_t *i)
{
	return i->key + 1;
}
