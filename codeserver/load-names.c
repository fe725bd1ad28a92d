/* SPDX-License-Identifier: MIT
 *
 * The second step of a load: functions and variables that are new get a place.
 *
 * A new function's name is known to all from here on, whatever becomes of the
 * set, and its entry leads to undef until a version of it is published: so a
 * load that takes its time (on_load, waiting for a holder's end) and another
 * one in between never mean the same entry. New variables are the set's own
 * until it is published, because their sizes are: a load that comes to nothing
 * leaves no size behind. Their storage is new, in the code server's part of the
 * arena, so that no image has to stay for the sake of its data.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/load-internal.h"
#include "codeserver/registry.h"
#include "codeserver/table.h"
#include "codeserver/undef.h"

struct fresh *fresh_find(struct fresh *v, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].id, id))
			return &v[i];
	return NULL;
}

static int fresh_add(struct fresh **v, size_t *n, const char *id,
		     struct fresh one)
{
	struct fresh *p = *v;

	if ((*n & (*n - 1)) == 0) { /* doubled; no addresses stay in the heap */
		p = calloc(*n ? 2 * *n : 1, sizeof(**v));
		if (!p)
			return -1;
		if (*n) {
			memcpy(p, *v, *n * sizeof(**v));
			explicit_bzero(*v, *n * sizeof(**v));
		}
		free(*v);
		*v = p;
	}
	one.id = strdup(id);
	if (!one.id)
		return -1;
	p[(*n)++] = one;
	return 0;
}

static int part_funcs(struct load_set *s, const struct part *p)
{
	const struct hw_module *d = p->checked.desc;

	for (uint32_t i = 0; i < d->nfuncs; i++) {
		const char *id = desc_str(d, desc_funcs(d)[i].name);
		struct fresh one = {.index =
					hw_guest.nfuncs + (uint32_t)s->nfuncs};

		if (registry_func(id) < 0 &&
		    !fresh_find(s->funcs, s->nfuncs, id) &&
		    fresh_add(&s->funcs, &s->nfuncs, id, one) < 0)
			return load_no_memory(s->f);
	}
	return 0;
}

/* A storage of the set's own, until it is published. */
static int var_new(struct load_set *s, struct part *p, uint32_t i, void *addr,
		   bool kept)
{
	const struct hw_module *d = p->checked.desc;
	struct fresh one = {.var = &desc_vars(d)[i],
			    .addr = addr,
			    .kept = kept};

	if (!addr || fresh_add(&s->vars, &s->nvars,
			       desc_str(d, desc_vars(d)[i].name), one) < 0)
		return load_no_memory(s->f);
	p->canonical[i] = addr;
	return 0;
}

/* WAS lives at TO once the set is published. Other modules of the set, that
 * name it, are told by load_var_addr. */
static int var_move(struct load_set *s, struct part *p, uint32_t i,
		    struct hw_variable *was, void *to)
{
	if (was->mover != s) {
		if (!to)
			return load_no_memory(s->f);
		was->mover = s;
		was->to = to;
	}
	p->canonical[i] = was->to;
	return 0;
}

static int var_place(struct load_set *s, struct part *p, uint32_t i)
{
	const struct hw_module *d = p->checked.desc;
	const struct hw_var *v = &desc_vars(d)[i];
	const char *id = desc_str(d, v->name);
	const struct part_var *pv = &p->vars[i];
	struct hw_variable *was = pv->was ? registry_var(pv->was) : NULL;
	struct fresh *known = fresh_find(s->vars, s->nvars, id);

	if (var_private(d, v, registry_var(id)))
		return 0;
	if (!was && known) {
		p->canonical[i] = known->addr;
		return 0;
	}
	if (!was)
		return var_new(s, p, i, arena_data(v->size, v->align), false);
	if (pv->moves &&
	    var_move(s, p, i, was,
		     was->mover == s ? NULL : arena_data(v->size, v->align)) <
		0)
		return -1;
	if (!pv->moves)
		p->canonical[i] = was->addr;
	return strcmp(pv->was, id) ? var_new(s, p, i, p->canonical[i], true)
				   : 0;
}

/*
 * A version that is back has its storage: its code is bound to it. If the
 * variable lives elsewhere by now it moves back there; nobody has used that
 * place since, or it could not have moved away.
 */
static int var_place_again(struct load_set *s, struct part *p, uint32_t i)
{
	const struct hw_module *d = p->checked.desc;
	const struct hw_var *v = &desc_vars(d)[i];
	struct part_var *pv = &p->vars[i];
	struct hw_variable *was = pv->was ? registry_var(pv->was) : NULL;
	void *own = p->version->not_storage
			? (void *)~p->version->not_storage[i]
		    : was ? was->addr
			  : NULL;

	if (var_private(d, v, registry_var(desc_str(d, v->name))) || !own)
		return 0;
	if (!was)
		return var_new(s, p, i, own, false);
	p->canonical[i] = own;
	if (own != was->addr) {
		pv->moves = true;
		if (var_move(s, p, i, was, own) < 0)
			return -1;
	}
	if (own == was->addr ? !pv->moves : p->canonical[i] == own)
		return strcmp(pv->was, desc_str(d, v->name))
			   ? var_new(s, p, i, own, true)
			   : 0;
	return failure_set(s->f, "unsafe", p->item->module, var_bare(pv->was),
			   "variable %s: another module of the set wants it "
			   "elsewhere; load them one after the other",
			   var_bare(pv->was));
}

static int part_vars(struct load_set *s, struct part *p)
{
	uint32_t n = p->checked.desc->nvars;

	p->canonical = calloc(n + 1, sizeof(*p->canonical));
	if (!p->canonical)
		return load_no_memory(s->f);
	for (uint32_t i = 0; i < n; i++)
		if ((p->again ? var_place_again(s, p, i) : var_place(s, p, i)) <
		    0)
			return -1;
	return 0;
}

/* The names outlive the set: the registry keeps them. */
static int funcs_known(struct load_set *s)
{
	struct table_change *c = calloc(s->nfuncs + 1, sizeof(*c));
	uint32_t first = hw_guest.nfuncs, n = (uint32_t)s->nfuncs;
	int r = c && arena_stubs(first, n) ? 0 : -1;

	for (uint32_t i = 0; r == 0 && i < n; i++) {
		c[i].index = first + i;
		c[i].entry = undef_entry(first + i);
		r = c[i].entry ? 0 : -1;
	}
	if (r == 0)
		r = table_publish(c, n, first + n);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		r = registry_func_add(s->funcs[i].id, first + i, false);
		if (r == 0)
			s->funcs[i].id = NULL;
	}
	free(c);
	return r < 0 ? load_no_memory(s->f) : 0;
}

static void funcs_free(struct load_set *s)
{
	for (size_t i = 0; i < s->nfuncs; i++)
		free(s->funcs[i].id);
	free(s->funcs);
	s->funcs = NULL;
	s->nfuncs = 0;
}

int load_names(struct load_set *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct part *p = &s->parts[i];

		if (!p->version)
			continue;
		r = p->again ? 0 : part_funcs(s, p);
		if (r == 0)
			r = part_vars(s, p);
	}
	if (r == 0 && s->nfuncs)
		r = funcs_known(s);
	funcs_free(s);
	return r;
}

int64_t load_func_index(const char *id, void *set)
{
	(void)set;
	return registry_func(id);
}

void *load_var_addr(const char *id, void *set)
{
	struct load_set *s = set;
	struct fresh *f = fresh_find(s->vars, s->nvars, id);
	struct hw_variable *was = f ? NULL : registry_var(id);

	return f                 ? f->addr
	       : !was            ? NULL
	       : was->mover == s ? was->to
				 : was->addr;
}

void *load_var_before(const char *id, void *set)
{
	struct hw_variable *was = registry_var(id);

	(void)set;
	return was ? was->addr : NULL;
}

void load_names_forget(struct load_set *s)
{
	struct hw_variable *all;
	size_t n = registry_vars(&all);

	for (size_t i = 0; i < n; i++)
		if (all[i].mover == s) {
			all[i].mover = NULL;
			all[i].to = NULL;
		}
}
