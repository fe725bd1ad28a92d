/* SPDX-License-Identifier: MIT
 *
 * See strmap.h. A removed key stays in its slot with a NULL value, so probes
 * need no tombstones and a file that comes back finds its old place.
 */
#include "watcher/strmap.h"

#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>

static struct strmap_slot *find(const struct strmap *m, const char *key,
				uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key &&
	       (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void grow(struct strmap *m)
{
	struct strmap old = *m;

	m->cap = old.cap ? old.cap * 2 : 64;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key)
			*find(m, old.slots[i].key, old.slots[i].hash) =
			    old.slots[i];
	free(old.slots);
}

void *strmap_get(const struct strmap *m, const char *key)
{
	if (!m->cap)
		return NULL;
	return find(m, key, fnv1a64(key, strlen(key)))->value;
}

void strmap_put(struct strmap *m, const char *key, void *value)
{
	uint64_t hash = fnv1a64(key, strlen(key));
	struct strmap_slot *s;

	if (m->used * 4 >= m->cap * 3)
		grow(m);
	s = find(m, key, hash);
	if (!s->key) {
		s->key = xstrdup(key);
		s->hash = hash;
		m->used++;
	}
	s->value = value;
}

void strmap_remove(struct strmap *m, const char *key)
{
	if (m->cap)
		find(m, key, fnv1a64(key, strlen(key)))->value = NULL;
}

void strmap_free(struct strmap *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct strmap){0};
}

int strmap_next(const struct strmap *m, size_t *i, void **value)
{
	for (; *i < m->cap; (*i)++) {
		if (m->slots[*i].value) {
			*value = m->slots[(*i)++].value;
			return 1;
		}
	}
	return 0;
}
