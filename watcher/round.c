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
#include "watcher/engine-internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STALE_STAMP UINT_MAX
#define MISPLACED_MAX 3 /* in a row, then it is a refusal */

struct round_item {
	struct round *round;
	struct module *m;
	char hash[33];
	struct link *link; /* while it is linked */
	struct artifact a; /* its own copy of the file's name */
};

struct round_peer {
	struct round *round;
	struct peer *peer; /* NULL: it is gone */
	int pid;
	size_t *items, n;
	bool retry; /* misplaced: not an outcome yet */
};

struct round {
	struct engine *e;
	struct round *next;
	struct set *set; /* never dissolves before the round ends */
	unsigned stamp;
	struct round_item *items;
	struct round_peer *peers;
	size_t nitems, npeers, linking, loading;
	uint64_t begun, linked;
	char *err; /* a link that failed */
	bool stale;
	struct event *ev;
};

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

/* --- the end ------------------------------------------------------------- */

static void round_free(struct round *r)
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

static double ms_between(uint64_t from, uint64_t to)
{
	return from && to > from ? (double)(to - from) / 1e6 : 0;
}

static void event_times(const struct round *r, const struct set *s,
			struct event *ev)
{
	uint64_t now = uv_hrtime();
	uint64_t built = s->compiled ? s->compiled : r->begun;

	ev->ms[PHASE_WAIT] =
	    ms_between(s->first, s->started ? s->started : r->begun);
	ev->ms[PHASE_COMPILE] = ms_between(s->started, s->compiled);
	ev->ms[PHASE_LINK] = ms_between(built, r->linked);
	ev->ms[PHASE_LOAD] = ms_between(r->linked, now);
	ev->ms[PHASE_TOTAL] = ms_between(s->first, now);
}

static void event_modules(const struct round *r, struct event *ev)
{
	struct strv names = {0};

	for (size_t i = 0; i < r->nitems; i++) {
		const struct module *m = r->items[i].m;

		if (strv_has(&names, m->m->name))
			continue;
		strv_add(&names, m->m->name);
		diagnostics_merge(&ev->diagnostics, &m->unit->diagnostics);
	}
	ev->modules = strv_take(&names);
}

/* The version of the first module in the first target that took it. */
static void event_version(struct event *ev)
{
	for (size_t i = 0; i < ev->ntargets; i++) {
		const struct event_target *t = &ev->targets[i];

		for (size_t j = 0; t->ok && j < t->nversions; j++) {
			if (strcmp(t->versions[j].module, ev->modules[0]) != 0)
				continue;
			ev->version = t->versions[j].version;
			return;
		}
	}
}

static bool any_ok(const struct event *ev)
{
	for (size_t i = 0; i < ev->ntargets; i++)
		if (ev->targets[i].ok)
			return true;
	return false;
}

static void note_refusals(const struct round *r)
{
	for (size_t i = 0; i < r->ev->ntargets; i++)
		if (!r->ev->targets[i].ok)
			set_refuse(r->set, r->ev->targets[i].pid);
}

/* True if a target is asked again with what was linked elsewhere. */
static bool round_retries(const struct round *r)
{
	for (size_t i = 0; i < r->npeers; i++)
		if (r->peers[i].retry && r->peers[i].peer)
			return true;
	return false;
}

static void round_end(struct round *r)
{
	struct engine *e = r->e;
	struct event *ev = r->ev;
	bool current = r->set && r->set->stamp == r->stamp;

	if (ev->ntargets && r->set) {
		event_modules(r, ev);
		event_version(ev);
		event_times(r, r->set, ev);
		ev->kind = any_ok(ev) ? EVENT_LIVE : EVENT_REFUSED;
		ev->message = r->err;
		if (current)
			note_refusals(r);
		r->ev = NULL;
		r->err = NULL;
	}
	if (!r->ev && current && !round_retries(r))
		set_told(r->set, ev);
	else if (!r->ev)
		engine_tell(e, ev);
	round_free(r);
	engine_pump(e);
}

/* --- loading ------------------------------------------------------------- */

static void result_add(struct round_peer *p, const struct session_answer *a)
{
	struct event_target *t = event_add_target(p->round->ev, p->pid);

	t->ok = a->ok;
	for (size_t i = 0; a->ok && i < a->nloaded; i++)
		event_target_version(t, a->loaded[i].module,
				     a->loaded[i].version);
	if (a->reason)
		t->reason = xstrdup(a->reason);
	if (a->message)
		t->message = xstrdup(a->message);
}

/* The base was occupied there: never again, and another is tried. */
static bool retry_elsewhere(struct round_peer *p)
{
	struct round *r = p->round;

	if (++p->peer->misplaced > MISPLACED_MAX)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct round_item *item = &r->items[p->items[i]];
		struct artifact *a = &item->m->artifact;

		place_take(&r->e->avoid, item->a.base, item->a.size);
		free(a->file);
		*a = (struct artifact){0};
	}
	p->retry = true;
	return true;
}

static void loaded(struct session *s, const struct session_answer *a, void *arg)
{
	struct round_peer *p = arg;
	struct round *r = p->round;
	const char *reason = a->reason ? a->reason : "";

	(void)s;
	r->loading--;
	if (p->peer)
		p->peer->busy = false;
	if (p->peer && !strcmp(reason, "no_answer"))
		p->peer->silent = true;
	if (a->ok && p->peer)
		p->peer->misplaced = 0;
	if (p->peer && strcmp(reason, "lost") != 0 &&
	    (strcmp(reason, "misplaced") != 0 || !retry_elsewhere(p)))
		result_add(p, a);
	if (!r->loading)
		round_end(r);
}

static void load_peer(struct round_peer *p)
{
	struct session_item *items = xcalloc(p->n, sizeof(*items));

	for (size_t i = 0; i < p->n; i++) {
		const struct round_item *item = &p->round->items[p->items[i]];

		items[i].module = item->m->m->name;
		items[i].file = item->a.file;
	}
	p->peer->busy = true;
	p->round->loading++;
	session_load(p->peer->session, items, p->n, loaded, p);
	free(items);
}

static void refuse_all(struct round *r)
{
	struct session_answer a = {.reason = "badfile", .message = r->err};

	for (size_t i = 0; i < r->npeers; i++)
		if (r->peers[i].peer)
			result_add(&r->peers[i], &a);
}

static void round_load(struct round *r)
{
	r->linked = uv_hrtime();
	if (r->err && !r->stale && !r->e->closing)
		refuse_all(r);
	for (size_t i = 0; i < r->npeers; i++)
		if (!r->err && !r->stale && !r->e->closing && r->peers[i].peer)
			load_peer(&r->peers[i]);
	if (!r->loading)
		round_end(r);
}

/* --- linking ------------------------------------------------------------- */

static void take_session(struct place *taken, const struct session *s)
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

uint64_t round_place(struct engine *e, uint64_t size)
{
	struct place taken = {0};
	uint64_t base;

	for (size_t i = 0; i < e->avoid.n; i++)
		place_take(&taken, e->avoid.v[i].base,
			   e->avoid.v[i].end - e->avoid.v[i].base);
	for (const struct peer *p = e->peers; p; p = p->next)
		if (p->program)
			take_session(&taken, p->session);
	for (const struct program *p = e->programs; p; p = p->next)
		take_program(&taken, p);
	take_links(&taken, e);
	for (const struct unit *u = e->unit_list; u; u = u->next)
		if (u->warm)
			place_take(&taken, u->warm_base, u->warm_room);
	base = place_find(&taken, size);
	place_free(&taken);
	return base;
}

static uint64_t find_place(struct link *l, uint64_t size, void *arg)
{
	struct round_item *item = arg;

	l->base = 0; /* it is not in the way of itself */
	return round_place(item->round->e, size);
}

static void link_result(struct round_item *item, struct link *l)
{
	struct round *r = item->round;
	struct unit *u = item->m->unit;
	struct artifact *a = &item->m->artifact;

	if (l->ok) {
		strv_add(&item->m->program->files, l->file);
		free(a->file);
		*a = (struct artifact){.file = xstrdup(l->file),
				       .base = l->base,
				       .size = l->size};
		memcpy(a->hash, item->hash, sizeof(a->hash));
		item->m->program->unsaved = true;
		item->a = *a;
		item->a.file = xstrdup(l->file);
	} else if (l->stale) { /* the user's make was at it: compile it */
		r->stale = true;
		u->force = true;
		if (u->state == UNIT_KNOWN)
			u->state = UNIT_DIRTY;
	} else if (l->err && !r->err) {
		r->err = xstrdup(l->err);
	}
}

static void linked(struct link *l, void *arg)
{
	struct round_item *item = arg;
	struct round *r = item->round;

	item->link = NULL;
	link_result(item, l);
	link_free(l);
	free(l);
	if (--r->linking == 0)
		round_load(r);
}

static struct link *link_make(struct round_item *item)
{
	struct link *l = xcalloc(1, sizeof(*l));
	struct program *p = item->m->program;
	struct unit *u = item->m->unit;
	char *name = xasprintf("watch/%d-%u", (int)getpid(), ++p->e->serial);
	char *temporary = program_folder(p, name);

	l->opened = u->opened;
	u->opened = NULL;
	l->object = xstrdup(u->object);
	l->member = u->member ? xstrdup(u->member) : NULL;
	l->hash = item->hash;
	l->module = item->m->m->name;
	l->source = u->source;
	l->linker = p->linker;
	l->codeserver = p->e->codeserver;
	l->folder = p->live;
	l->stem = path_base(l->module);
	l->libs = p->manifest->libs;
	l->rewritten = xasprintf("%s.hot.o", temporary);
	unit_warm_take(u, item->m, l);
	if (!l->out)
		l->out = xasprintf("%s.so", temporary);
	l->place = find_place;
	l->done = linked;
	l->arg = item;
	free(name);
	free(temporary);
	return l;
}

/* All are counted before the first may end. */
static void round_link(struct round *r)
{
	r->linking = 1;
	for (size_t i = 0; i < r->nitems; i++) {
		struct round_item *item = &r->items[i];

		if (item->a.file)
			continue;
		r->linking++;
		item->link = link_make(item);
		link_start(r->e->build, item->link);
	}
	if (--r->linking == 0)
		round_load(r);
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

/* Adds what P lacks of the set. False: it has to wait, P is busy. */
static bool add_peer(struct round *r, struct peer *p)
{
	struct round_peer rp = {.round = r, .peer = p};

	rp.pid = p->session->pid;
	for (size_t i = 0; i < r->set->n; i++) {
		struct unit *u = r->set->units[i];

		for (size_t j = 0; j < u->nmodules; j++) {
			if (u->modules[j]->program != p->program ||
			    !peer_differs(p, u->modules[j]))
				continue;
			rp.items =
			    xrealloc(rp.items, (rp.n + 1) * sizeof(*rp.items));
			rp.items[rp.n++] = item_of(r, u->modules[j]);
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

	take_session(&taken, p->session);
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

/* False: something must be compiled first, only to have its object. */
static bool find_files(struct round *r)
{
	bool all = true;

	for (size_t i = 0; i < r->nitems; i++) {
		struct round_item *item = &r->items[i];
		struct unit *u = item->m->unit;

		if (can_reuse(r, i)) {
			item->a = item->m->artifact;
			item->a.file = xstrdup(item->a.file);
		} else if (!u->object) {
			u->force = true;
			u->state = UNIT_DIRTY;
			all = false;
		}
	}
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
