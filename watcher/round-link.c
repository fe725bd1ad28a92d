/* SPDX-License-Identifier: MIT
 *
 * The linking of a round: each module that has no file yet, once, at a place
 * that is free in all targets. The objects are those that the unit compiled or
 * that the user's own make left; if one of these is not what it was when it
 * was looked at, the unit is compiled instead.
 */
#include "watcher/round.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		files_add(item->m->program, l->file, l->base, l->size);
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
	l->out = xasprintf("%s.so", temporary);
	l->place = find_place;
	l->done = linked;
	l->arg = item;
	free(name);
	free(temporary);
	return l;
}

/* All are counted before the first may end. */
void round_link(struct round *r)
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
