/* SPDX-License-Identifier: MIT
 *
 * Which places of the arena are taken: by what the targets have mapped, by the
 * programs themselves (a target that starts later maps its own), by what was
 * linked lately, and by what is being linked.
 */
#include "watcher/round.h"

void place_session(struct place *taken, const struct session *s)
{
	void *v;

	for (size_t i = 0; strmap_next(&s->modules, &i, &v);) {
		const struct session_module *m = v;

		for (size_t j = 0; j < m->nversions; j++)
			place_take(taken, m->versions[j].base,
				   m->versions[j].size);
	}
}

static void take_program(struct place *taken, const struct program *p)
{
	uint64_t end = p->manifest->next_base;

	if (end > HW_ARENA_BASE)
		place_take(taken, HW_ARENA_BASE, end - HW_ARENA_BASE);
	for (size_t i = 0; i < p->nmodules; i++) {
		const struct module *m = p->modules[i];

		place_take(taken, m->m->base, m->m->size);
		place_take(taken, m->artifact.base, m->artifact.size);
	}
}

static void take_links(struct place *taken, const struct engine *e)
{
	for (const struct round *r = e->rounds; r; r = r->next) {
		for (size_t i = 0; i < r->nitems; i++) {
			const struct round_item *item = &r->items[i];

			if (item->link && item->link->base)
				place_take(taken, item->link->base,
					   item->link->reserved);
			place_take(taken, item->a.base, item->a.size);
		}
	}
}

/* What a rollback would map again. */
static void take_files(struct place *taken, const struct program *p)
{
	for (size_t i = 0; i < p->nfiles; i++)
		place_take(taken, p->files[i].base, p->files[i].size);
}

static uint64_t find_place(struct engine *e, uint64_t size, bool spare_files)
{
	struct place taken = {0};
	uint64_t base;

	for (size_t i = 0; i < e->avoid.n; i++)
		place_take(&taken, e->avoid.v[i].base,
			   e->avoid.v[i].end - e->avoid.v[i].base);
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->program)
			place_session(&taken, p->session);
	for (const struct program *p = e->programs; p; p = p->next) {
		take_program(&taken, p);
		if (spare_files)
			take_files(&taken, p);
	}
	take_links(&taken, e);
	base = place_find(&taken, size);
	place_free(&taken);
	return base;
}

uint64_t round_place(struct engine *e, uint64_t size)
{
	uint64_t base = find_place(e, size, true);

	return base ? base : find_place(e, size, false);
}
