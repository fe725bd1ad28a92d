/* SPDX-License-Identifier: MIT */
typedef struct item {
	int key;
} item_t;
struct extra {
	long weight;
};
long weigh(struct extra *e)
{
	return e->weight;
}
int key_of(item_t *i)
{
	return i->key;
}
