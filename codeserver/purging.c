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

static bool any_old(const struct purging *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->mods[i]->old)
			return true;
	return false;
}

static void soft(struct purging *p)
{
	struct hunt *h = &p->hunt;

	p->purged = !any_old(p) || purge_mods(p->mods, p->n, false, &h->fates,
					      NULL, NULL) == 0;
	if (!p->purged)
		hunt_list(h);
	p->done(p, 0);
}

static void start(struct order *o)
{
	struct purging *p =
	    (struct purging *)(void *)((char *)o -
				       offsetof(struct purging, order));
	uint64_t now = server_now();

	server_never(&p->patience);
	if (!any_old(p)) { /* it went while this one waited */
		finish(p, 0);
		return;
	}
	p->hunt.deadline_ms =
	    p->deadline > now ? (unsigned)(p->deadline - now) : 0;
	p->hunt.caller = p->caller;
	p->hunt.done = hunted;
	hunt_start(&p->hunt);
}

/* Its turn has not come in time: a load of the module is in its on_load, or
 * waits for a holder itself. */
static void too_late(struct server_timer *timer)
{
	struct purging *p =
	    (struct purging *)(void *)((char *)timer -
				       offsetof(struct purging, patience));
	const char *module = p->mods[0]->name;

	order_cancel(&p->order);
	p->done(p, failure_set(&p->hunt.failure, "deadline", module, NULL,
			       "%s: another load or purge of it was at work "
			       "for %u ms; nothing was purged",
			       module, p->deadline_ms));
}

/* A soft purge is done in one go; so is one that has nobody to end. Only who
 * ends somebody waits for his turn. */
void purging_submit(struct purging *p)
{
	p->hunt.mods = p->mods;
	p->hunt.n = p->n;
	if (p->soft) {
		soft(p);
		return;
	}
	if (!any_old(p) ||
	    purge_mods(p->mods, p->n, false, &p->hunt.fates, NULL, NULL) == 0) {
		p->done(p, 0);
		return;
	}
	p->order = (struct order){.start = start, .mods = p->mods, .n = p->n};
	p->patience = (struct server_timer){.run = too_late};
	p->deadline = server_now() + p->deadline_ms;
	server_later(&p->patience, p->deadline_ms);
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
