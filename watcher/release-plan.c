/* SPDX-License-Identifier: MIT
 *
 * A release's instructions as single orders. As in Erlang an update is, on the
 * way up: suspend, load, code_change, resume; and on the way down: suspend,
 * code_change, load, resume, because only the newer code knows both layouts.
 *
 * Nothing is purged afterwards before all is done everywhere: until then the
 * old version is what a target is taken back to.
 */
#include <stdlib.h>

#include "watcher/release.h"

static void add(struct release_plan *p, enum release_kind kind,
		const struct release_step *s)
{
	p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n++] = (struct release_order){.kind = kind, .step = s};
}

static void add_update(struct release_plan *p, const struct release_step *s)
{
	add(p, ORDER_SUSPEND, s);
	if (p->down && !s->soft)
		add(p, ORDER_CHANGE, s);
	add(p, ORDER_LOAD, s);
	if (!p->down && !s->soft)
		add(p, ORDER_CHANGE, s);
	add(p, ORDER_RESUME, s);
}

static void add_step(struct release_plan *p, const struct release_step *s)
{
	static const enum release_kind kinds[] = {
	    [RELEASE_LOAD_MODULE] = ORDER_LOAD,
	    [RELEASE_DELETE_MODULE] = ORDER_DELETE,
	    [RELEASE_SUSPEND] = ORDER_SUSPEND,
	    [RELEASE_RESUME] = ORDER_RESUME,
	    [RELEASE_CODE_CHANGE] = ORDER_CHANGE,
	    [RELEASE_SOFT_PURGE] = ORDER_SOFT_PURGE,
	    [RELEASE_PURGE] = ORDER_PURGE,
	    [RELEASE_NO_RETURN] = ORDER_NO_RETURN,
	};

	if (s->verb == RELEASE_UPDATE)
		add_update(p, s);
	else
		add(p, kinds[s->verb], s);
}

static bool replaces(const struct release_step *s)
{
	return s->verb == RELEASE_LOAD_MODULE || s->verb == RELEASE_UPDATE ||
	       s->verb == RELEASE_DELETE_MODULE;
}

void release_plan_make(struct release_plan *p, const struct release *r,
		       bool down)
{
	const struct release_steps *steps = down ? &r->down : &r->up;

	*p = (struct release_plan){.release = r, .down = down};
	for (size_t i = 0; i < steps->n; i++)
		add_step(p, &steps->v[i]);
	p->no_return = p->n;
	for (size_t i = p->n; i-- > 0;)
		if (p->v[i].kind == ORDER_NO_RETURN)
			p->no_return = i;
	for (size_t i = 0; i < steps->n; i++) {
		const struct release_step *s = &steps->v[i];

		if (replaces(s) && s->post == RELEASE_PURGE_BRUTAL)
			add(p, ORDER_PURGE, s);
	}
}

void release_plan_free(struct release_plan *p)
{
	free(p->v);
	*p = (struct release_plan){0};
}

static void put_names(struct text *t, char *const *names)
{
	for (char *const *n = names; *n; n++)
		text_printf(t, "%s%s", n == names ? "" : ", ", *n);
}

void release_order_put(struct text *t, const struct release_order *o)
{
	static const char *const words[] = {
	    [ORDER_SUSPEND] = "suspend",
	    [ORDER_LOAD] = "load",
	    [ORDER_CHANGE] = "code_change",
	    [ORDER_RESUME] = "resume",
	    [ORDER_DELETE] = "delete",
	    [ORDER_SOFT_PURGE] = "soft_purge",
	    [ORDER_PURGE] = "purge",
	    [ORDER_NO_RETURN] = "point_of_no_return",
	};
	const struct release_step *s = o->step;
	bool processes = o->kind == ORDER_SUSPEND || o->kind == ORDER_RESUME;

	text_puts(t, words[o->kind]);
	if (o->kind == ORDER_NO_RETURN)
		return;
	text_puts(t, " ");
	if (processes && !s->processes[0])
		text_puts(t, "processes of ");
	put_names(t, processes && s->processes[0] ? s->processes : s->modules);
	if (o->kind == ORDER_LOAD && s->with[0]) {
		text_puts(t, ", ");
		put_names(t, s->with);
	}
	if (o->kind == ORDER_LOAD && lenv(s->modules) + lenv(s->with) > 1)
		text_puts(t, " as one set");
	if (o->kind == ORDER_CHANGE && s->processes[0]) {
		text_puts(t, " in ");
		put_names(t, s->processes);
	}
}
