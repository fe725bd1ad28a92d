/* SPDX-License-Identifier: MIT
 *
 * What is known of holders from one look to the next: an id and since when, as
 * long as they hold; and for each version one place where it was found held,
 * so that the usual answer, "still held", costs a look at one thread or word.
 *
 * A place is believed PLACE_TRUST times in a row, then all is searched again: a
 * word in memory may have become garbage meanwhile.
 */
#include "codeserver/holders-internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codeserver/memory.h"
#include "codeserver/process-internal.h"

#define PLACES HOLDERS_VERSIONS
#define PLACE_TRUST 20
#define LISTED_MAX 256 /* pointers of one version that are listed */

struct known {
	const struct hw_mod *mod; /* NULL: free */
	unsigned version;
	enum holder_kind kind;
	pid_t tid;
	uintptr_t not_word;
	uint64_t id, since;
	unsigned round;
	size_t listed_at; /* in the last list that it was entered in */
};

static struct known *known; /* open addressing; cap is a power of two */
static size_t nknown, known_cap;
static unsigned round_now;
static uint64_t last_id;

static struct place {
	const struct hw_mod *mod;
	unsigned version, used;
	struct found found;
} places[PLACES];
static unsigned next_place;

static uint64_t unix_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- ids ------------------------------------------------------------------ */

static bool known_same(const struct known *a, const struct known *b)
{
	return a->mod == b->mod && a->version == b->version &&
	       a->kind == b->kind && a->tid == b->tid &&
	       a->not_word == b->not_word;
}

static struct known *known_slot(const struct known *key)
{
	uint64_t h = (uintptr_t)key->mod ^ key->version * 0x9e3779b97f4a7c15u ^
		     (uint64_t)key->tid * 0xc2b2ae3d27d4eb4fu ^
		     key->not_word * 0x165667b19e3779f9u ^ key->kind;
	size_t i = (h ^ h >> 29) & (known_cap - 1);

	while (known[i].mod && !known_same(&known[i], key))
		i = (i + 1) & (known_cap - 1);
	return &known[i];
}

/* Into a table of CAP, those that KEEP wants (NULL: all). */
static int known_rebuild(size_t new_cap,
			 bool (*keep)(const struct known *, const void *),
			 const void *arg)
{
	struct known *old = known, *k = calloc(new_cap, sizeof(*k));
	size_t n = known_cap;

	if (!k)
		return -1;
	known = k;
	known_cap = new_cap;
	nknown = 0;
	for (size_t i = 0; i < n; i++) {
		if (!old[i].mod || (keep && !keep(&old[i], arg)))
			continue;
		*known_slot(&old[i]) = old[i];
		nknown++;
	}
	free(old);
	return 0;
}

/* NULL: out of memory, it stays nameless. */
static struct known *known_enter(const struct look *l, size_t i,
				 const struct found *f)
{
	struct known key = {.mod = l->of[i].mod,
			    .version = l->of[i].version->number,
			    .kind = f->kind,
			    .tid = f->tid,
			    .not_word = f->not_word},
		     *k;

	if (nknown * 2 >= known_cap &&
	    known_rebuild(known_cap ? known_cap * 2 : 256, NULL, NULL) < 0)
		return NULL;
	k = known_slot(&key);
	if (!k->mod) {
		*k = key;
		k->id = ++last_id;
		k->since = unix_ms();
		nknown++;
	}
	k->round = round_now;
	return k;
}

static bool version_there(const struct known *k)
{
	const struct hw_version *lists[] = {k->mod->old, k->mod->fenced,
					    k->mod->current};

	for (size_t i = 0; i < 3; i++)
		for (const struct hw_version *v = lists[i]; v; v = v->older)
			if (v->number == k->version)
				return true;
	return false;
}

static bool known_holds(const struct known *k, const void *arg)
{
	const struct look *l = arg;

	if (k->round == round_now)
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (l->of[i].mod == k->mod &&
		    l->of[i].version->number == k->version)
			return false;
	return version_there(k);
}

void known_sweep(const struct look *l)
{
	if (known_cap)
		known_rebuild(known_cap, known_holds, l);
	round_now++;
}

/* --- places --------------------------------------------------------------- */

static struct place *place_of(const struct holders_of *of)
{
	for (size_t i = 0; i < PLACES; i++)
		if (places[i].mod == of->mod &&
		    places[i].version == of->version->number)
			return &places[i];
	return NULL;
}

static void place_note(const struct holders_of *of, const struct found *f)
{
	struct place *p = place_of(of);

	if (!p) {
		p = &places[next_place++ % PLACES];
		p->used = 0;
	}
	p->mod = of->mod;
	p->version = of->version->number;
	p->found = *f;
	p->found.frames = NULL;
	p->found.nframes = 0;
}

static void place_look(struct look *l, size_t i, const struct place *p,
		       const struct threads_look *t)
{
	uintptr_t word;

	if (p->found.tid)
		threads_look_one(t, p->found.tid);
	else if (memory_peek(~p->found.not_word, &word, 8) == 0 &&
		 word == ~p->found.not_value)
		found_add(l, i, &p->found);
}

void known_places(struct look *l, const struct threads_look *t)
{
	for (size_t i = 0; i < l->n; i++) {
		struct place *p = place_of(&l->of[i]);

		if (!p || l->of[i].code)
			continue;
		if (p->used++ < PLACE_TRUST)
			place_look(l, i, p, t);
		else
			p->used = 0;
		if (!l->of[i].code && !l->of[i].data)
			p->mod = NULL;
	}
}

/* --- what was found ------------------------------------------------------- */

static struct holder *holder_new(struct look *l)
{
	struct holder *h;

	if (l->nlist == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;

		h = realloc(l->list, cap * sizeof(*h));
		if (!h)
			return NULL;
		l->list = h;
		l->cap = cap;
	}
	h = &l->list[l->nlist++];
	memset(h, 0, sizeof(*h));
	return h;
}

static void holder_list(struct look *l, size_t i, const struct found *f,
			struct known *k)
{
	struct holder *h = holder_new(l);

	if (!h)
		return;
	k->listed_at = l->nlist - 1;
	h->id = k->id;
	h->since = k->since;
	h->kind = f->kind;
	h->mod = l->of[i].mod;
	h->version = l->of[i].version;
	h->tid = f->tid;
	h->at = f->at;
	h->where = f->where;
	h->into_code = f->into_code;
	h->not_word = f->not_word;
	h->not_value = f->not_value;
	h->looping = f->kind == HOLDER_FRAME &&
		     unix_ms() - k->since >= HOLDER_LOOPING_MS;
	if (l->nameless && h->tid)
		h->process = process_of_tid(h->tid);
	if (l->brief || l->nameless)
		return;
	if (f->nframes)
		h->frames = malloc(f->nframes * sizeof(*h->frames));
	if (h->frames) {
		memcpy(h->frames, f->frames, f->nframes * sizeof(*h->frames));
		h->nframes = f->nframes;
	}
	holder_describe(h, f->why);
}

/* Whether the same was listed already: a thread is unknown once. */
static bool listed(const struct look *l, const struct known *k)
{
	return k->listed_at < l->nlist && l->list[k->listed_at].id == k->id;
}

static bool pointers_full(const struct look *l, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < l->nlist; k++)
		n += l->list[k].version == l->of[i].version &&
		     l->list[k].kind == HOLDER_POINTER;
	return n >= LISTED_MAX;
}

void found_add(struct look *l, size_t i, const struct found *f)
{
	bool code = f->kind != HOLDER_POINTER || f->into_code;
	struct known *k;

	if (!l->listing && (code ? l->of[i].code : l->of[i].data))
		return;
	if (code)
		l->of[i].code = true;
	else
		l->of[i].data = true;
	if (code || !l->of[i].code)
		place_note(&l->of[i], f);
	if (l->listing && f->kind == HOLDER_POINTER && pointers_full(l, i))
		return;
	k = known_enter(l, i, f);
	if (l->listing && k && listed(l, k))
		return;
	l->of[i].holders++;
	if (l->listing && k)
		holder_list(l, i, f, k);
}

struct mark look_mark(const struct look *l)
{
	struct mark m = {.nlist = l->nlist};

	for (size_t i = 0; i < l->n; i++) {
		m.code[i] = l->of[i].code;
		m.data[i] = l->of[i].data;
		m.holders[i] = l->of[i].holders;
	}
	return m;
}

void look_undo(struct look *l, struct mark m)
{
	while (l->nlist > m.nlist)
		holder_clear(&l->list[--l->nlist]);
	for (size_t i = 0; i < l->n; i++) {
		l->of[i].code = m.code[i];
		l->of[i].data = m.data[i];
		l->of[i].holders = m.holders[i];
	}
}
