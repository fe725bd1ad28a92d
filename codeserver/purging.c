/* SPDX-License-Identifier: MIT
 *
 * See purging.h. A soft purge looks once; who holds is listed only when it
 * failed. A purge of what has no old code answers without looking at anything.
 */
#include "codeserver/purging.h"

#include "codeserver/lingering.h"
#include "codeserver/path.h"
#include "codeserver/undef.h"

static struct purging *purging_of(struct hunt *h)
{
	return (struct purging *)(void *)((char *)h -
					  offsetof(struct purging, hunt));
}

static void finish(struct purging *p, int result)
{
	order_end(&p->order);
	p->done(p, result);
}

static void hunted(struct hunt *h, int result)
{
	struct purging *p = purging_of(h);

	p->purged = result == 0 && h->nvictims > 0;
	finish(p, result);
}

static void soft(struct purging *p)
{
	struct hunt *h = &p->hunt;

	p->purged =
	    purge_mods(p->mods, p->n, false, &h->fates, NULL, NULL) == 0;
	if (!p->purged)
		hunt_list(h);
	finish(p, 0);
}

static void start(struct order *o)
{
	struct purging *p =
	    (struct purging *)(void *)((char *)o -
				       offsetof(struct purging, order));
	struct hunt *h = &p->hunt;
	bool any = false;

	for (size_t i = 0; i < p->n; i++)
		any |= p->mods[i]->old != NULL;
	h->mods = p->mods;
	h->n = p->n;
	if (!any) {
		p->purged = p->soft;
		finish(p, 0);
		return;
	}
	if (p->soft) {
		soft(p);
		return;
	}
	h->deadline_ms = p->deadline_ms;
	h->caller = p->caller;
	h->done = hunted;
	hunt_start(h);
}

void purging_submit(struct purging *p)
{
	p->order = (struct order){.start = start, .mods = p->mods, .n = p->n};
	order_submit(&p->order);
}

void purging_free(struct purging *p)
{
	hunt_free(&p->hunt);
}

int module_delete(struct hw_mod *m, struct hw_failure *f)
{
	struct hw_version *v = m->current;

	if (!v || m->old)
		return 0;
	if (path_is_sticky(m))
		return failure_set(f, "sticky_directory", m->name, NULL,
				   "%s: lies in a sticky directory; unstick it "
				   "to delete it",
				   m->name);
	if (undef_version(v) < 0)
		return failure_set(f, "badfile", m->name, NULL,
				   "the program is out of memory; nothing was "
				   "deleted");
	m->current = NULL;
	v->deleted = true;
	v->older = NULL;
	m->old = v;
	lingering_loaded();
	return 1;
}
