/* SPDX-License-Identifier: MIT
 *
 * See order.h. A queue: an order waits while one of its modules is busy, or is
 * wanted by one that waits before it; so none is overtaken for ever.
 */
#include "codeserver/order.h"

static struct order *waiting;
static bool settling;

static bool wants(const struct order *o, const struct hw_mod *m)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->mods[i] == m)
			return true;
	return false;
}

/* Whether O may start, as far as itself and those before END are concerned. */
static bool may_start(const struct order *o, const struct order *end)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->mods[i]->busy)
			return false;
		for (struct order *w = waiting; w != end; w = w->next)
			if (wants(w, o->mods[i]))
				return false;
	}
	return true;
}

static void begin(struct order *o)
{
	for (size_t i = 0; i < o->n; i++)
		o->mods[i]->busy = true;
	o->started = true;
	o->start(o);
}

/* One that starts may end at once, and come back here: then the one that is at
 * it goes on. */
static void settle(void)
{
	struct order **p = &waiting;

	if (settling)
		return;
	settling = true;
	while (*p) {
		struct order *o = *p;

		if (!may_start(o, o)) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		begin(o);
		p = &waiting; /* whatever that has changed */
	}
	settling = false;
}

void order_submit(struct order *o)
{
	struct order **p = &waiting;

	while (*p)
		p = &(*p)->next;
	o->next = NULL;
	o->started = false;
	*p = o;
	settle();
}

void order_cancel(struct order *o)
{
	struct order **p = &waiting;

	while (*p && *p != o)
		p = &(*p)->next;
	if (*p)
		*p = o->next;
	settle();
}

bool order_take(struct order *o, struct hw_mod *m)
{
	if (wants(o, m))
		return true;
	if (m->busy)
		return false;
	m->busy = true;
	o->mods[o->n++] = m;
	return true;
}

void order_end(struct order *o)
{
	for (size_t i = 0; i < o->n; i++)
		o->mods[i]->busy = false;
	settle();
}

/* In a child nobody waits for them any more. */
void orders_forked(void)
{
	waiting = NULL;
	settling = false;
	for (size_t i = 0; i < hw_guest.nmods; i++)
		hw_guest.mods[i].busy = false;
}
