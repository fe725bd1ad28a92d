/* SPDX-License-Identifier: MIT
 *
 * A round: one set's way into all targets that lack it.
 *
 * Each module that differs somewhere is linked once, at a base that is free in
 * all targets, then every target gets its part as one atomic load, and when
 * the last has answered the outcome is told. What a target has loaded is asked
 * again before each decision, so a round that ends badly needs no undoing: the
 * pump finds what still differs.
 *
 * A file that a target has mapped already cannot be loaded there a second time
 * (dlopen would give the old image), so going back to an earlier content means
 * another link, at another base; but a target that comes later gets the file
 * that the others have.
 */
#include "watcher/round.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define STALE_STAMP UINT_MAX /* no set has it */

bool round_of(const struct set *s)
{
	for (const struct round *r = s->e->rounds; r; r = r->next)
		if (r->set == s)
			return true;
	return false;
}

void round_moved(struct set *from, struct set *to)
{
	for (struct round *r = from->e->rounds; r; r = r->next) {
		if (r->set != from)
			continue;
		r->set = to;
		r->stamp = STALE_STAMP;
	}
}

bool round_of_program(const struct program *p)
{
	for (const struct round *r = p->e->rounds; r; r = r->next)
		for (size_t i = 0; i < r->nitems; i++)
			if (r->items[i].m->program == p)
				return true;
	return false;
}

bool round_uses(const struct engine *e, const char *file)
{
	for (const struct round *r = e->rounds; r; r = r->next)
		for (size_t i = 0; i < r->nitems; i++)
			if (r->items[i].a.file &&
			    !strcmp(r->items[i].a.file, file))
				return true;
	return false;
}

void round_peer_gone(struct peer *p)
{
	for (struct round *r = p->e->rounds; r; r = r->next)
		for (size_t i = 0; i < r->npeers; i++)
			if (r->peers[i].peer == p)
				r->peers[i].peer = NULL;
}

void round_free(struct round *r)
{
	struct round **p = &r->e->rounds;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	for (size_t i = 0; i < r->nitems; i++)
		free(r->items[i].a.file);
	for (size_t i = 0; i < r->npeers; i++)
		free(r->peers[i].items);
	free(r->items);
	free(r->peers);
	free(r->err);
	event_free(r->ev);
	free(r);
}

/* --- what has to be done ------------------------------------------------- */

static size_t item_of(struct round *r, struct module *m)
{
	for (size_t i = 0; i < r->nitems; i++)
		if (r->items[i].m == m)
			return i;
	r->items = xrealloc(r->items, (r->nitems + 1) * sizeof(*r->items));
	r->items[r->nitems] = (struct round_item){.round = r, .m = m};
	memcpy(r->items[r->nitems].hash, m->unit->hash, sizeof(m->unit->hash));
	return r->nitems++;
}

size_t round_add(struct round_peer *p, struct module *m)
{
	p->items = xrealloc(p->items, (p->n + 1) * sizeof(*p->items));
	p->items[p->n] = item_of(p->round, m);
	return p->items[p->n++];
}

/* Adds what P lacks of the set. False: it has to wait, P is busy. */
static bool add_peer(struct round *r, struct peer *p)
{
	struct round_peer rp = {.round = r, .peer = p};

	bool forced = r->set->flags & ENGINE_FORCE;

	rp.pid = p->session->pid;
	for (size_t i = 0; i < r->set->n; i++) {
		struct unit *u = r->set->units[i];

		for (size_t j = 0; j < u->nmodules; j++) {
			if (u->modules[j]->program != p->program ||
			    !(forced || peer_differs(p, u->modules[j])))
				continue;
			round_add(&rp, u->modules[j]);
		}
	}
	if (!rp.n)
		return true;
	r->peers = xrealloc(r->peers, (r->npeers + 1) * sizeof(*r->peers));
	r->peers[r->npeers++] = rp;
	return !p->busy;
}

static bool add_peers(struct round *r)
{
	bool free_all = true;

	for (struct peer *p = r->e->peers; p; p = p->next)
		if (peer_usable(p) && !set_refused(r->set, p->session->pid))
			free_all &= add_peer(r, p);
	return free_all;
}

static bool has_file(const struct session *s, const struct module *m)
{
	const struct session_module *has = session_module(s, m->m->name);

	for (size_t i = 0; has && i < has->nversions; i++)
		if (!strcmp(has->versions[i].file, m->artifact.file))
			return true;
	return false;
}

/* What was linked earlier of ITEM's content can be loaded in P as it is. */
static bool file_fits(const struct round_item *item, const struct peer *p)
{
	const struct artifact *a = &item->m->artifact;
	struct place taken = {0};
	bool fits;

	place_session(&taken, p->session);
	fits = place_is_free(&taken, a->base, a->size) &&
	       !has_file(p->session, item->m);
	place_free(&taken);
	return fits;
}

static bool can_reuse(const struct round *r, size_t item)
{
	const struct artifact *a = &r->items[item].m->artifact;

	if (!a->file || strcmp(a->hash, r->items[item].hash) != 0 ||
	    !file_exists(a->file))
		return false;
	for (size_t i = 0; i < r->npeers; i++)
		for (size_t j = 0; j < r->peers[i].n; j++)
			if (r->peers[i].items[j] == item &&
			    !file_fits(&r->items[item], r->peers[i].peer))
				return false;
	return true;
}

bool round_find_file(struct round *r, size_t i)
{
	struct round_item *item = &r->items[i];
	struct unit *u = item->m->unit;

	if (can_reuse(r, i)) {
		item->a = item->m->artifact;
		item->a.file = xstrdup(item->a.file);
	} else if (!u->object) {
		u->force = true;
		u->state = UNIT_DIRTY;
		return false;
	}
	return true;
}

static bool find_files(struct round *r)
{
	bool all = true;

	for (size_t i = 0; i < r->nitems; i++)
		all &= round_find_file(r, i);
	return all;
}

int round_start(struct set *s)
{
	struct round *r = xcalloc(1, sizeof(*r));
	int result = 1;

	r->e = s->e;
	r->set = s;
	r->stamp = s->stamp;
	r->begun = uv_hrtime();
	r->ev = event_new(EVENT_LIVE);
	r->next = r->e->rounds;
	r->e->rounds = r;
	if (!add_peers(r)) {
		result = -1;
	} else if (!r->npeers) {
		result = 0;
	} else if (!find_files(r)) {
		result = -1;
		engine_pump(r->e);
	}
	if (result != 1)
		round_free(r);
	else
		round_link(r);
	return result;
}
