/* SPDX-License-Identifier: MIT
 *
 * See holders.h.
 */
#include "codeserver/holders.h"

#include <stdlib.h>
#include <string.h>

#include "codeserver/memory.h"
#include "codeserver/table.h"
#include "codeserver/threads.h"

#define LINK_MAP_SIZE 0x480 /* glibc's whole struct link_map, at least */

struct question {
	struct hw_hidden ranges[THREADS_RANGES];
	struct hw_span self[THREADS_RANGES];
	size_t of[THREADS_RANGES]; /* which version */
	bool held[THREADS_RANGES];
	size_t n;
};

static void question_add(struct question *q, const struct holders_of *v,
			 size_t which)
{
	const struct hw_image *i = &v->version->image;

	for (size_t k = 0; k < i->nspans && q->n < THREADS_RANGES; k++) {
		q->self[q->n] = (struct hw_span){i->base, i->base + i->size};
		q->of[q->n] = which;
		q->ranges[q->n++] = span_hide(i->base + i->spans[k].from,
					      i->base + i->spans[k].to);
	}
}

static size_t skips_find(const struct holders_of *v, size_t n,
			 struct hw_span *skip, size_t max)
{
	const struct hw_span *dead;
	size_t k = 0, ndead = threads_dead(&dead);

	for (size_t i = 0; i < ndead && k < max; i++)
		skip[k++] = dead[i];
	for (size_t i = 0; i < n && k < max; i++) {
		uintptr_t map = (uintptr_t)v[i].version->image.handle;

		skip[k++] = (struct hw_span){map, map + LINK_MAP_SIZE};
	}
	return k + table_retired(skip + k, max - k);
}

int holders_look(struct holders_of *v, size_t n, bool (*busy)(void *),
		 void *arg)
{
	struct question q = {.n = 0};
	struct hw_span skip[512];
	int r;

	for (size_t i = 0; i < n; i++)
		question_add(&q, &v[i], i);
	r = threads_look(q.ranges, q.n, q.held);
	if (r == 0)
		r = memory_search(q.ranges, q.self, q.n, q.held, skip,
				  skips_find(v, n, skip, 512), busy, arg);
	for (size_t i = 0; i < n; i++)
		v[i].code = r < 0 || !v[i].version->image.handle;
	for (size_t i = 0; r == 0 && i < q.n; i++)
		v[q.of[i]].code |= q.held[i];
	return r;
}

int holders_list(struct holders_of *v, size_t n, struct holder **list,
		 size_t *nlist)
{
	int r = holders_look(v, n, NULL, NULL);

	*nlist = 0;
	*list = calloc(n + 1, sizeof(**list));
	for (size_t i = 0; *list && i < n; i++) {
		struct holder *h = &(*list)[*nlist];

		v[i].holders = v[i].code;
		if (!v[i].code)
			continue;
		h->kind = HOLDER_UNKNOWN;
		h->mod = v[i].mod;
		h->version = v[i].version;
		h->id = ++*nlist;
	}
	return *list ? r : -1;
}

void holders_free(struct holder *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		free(list[i].frames);
	free(list);
}

int holders_tables(const struct hw_span *tables, size_t n, bool *held)
{
	struct hw_hidden ranges[THREADS_RANGES];

	n = n < THREADS_RANGES ? n : THREADS_RANGES;
	for (size_t i = 0; i < n; i++) {
		ranges[i] = span_hide(tables[i].from, tables[i].to);
		held[i] = false;
	}
	return threads_look(ranges, n, held);
}
