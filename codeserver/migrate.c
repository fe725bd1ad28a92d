/* SPDX-License-Identifier: MIT
 *
 * A variable whose layout changed, or that asks for another alignment, gets new
 * storage; the new code is bound to that. It is filled member by member by a
 * plan (layout.h) while nobody can touch the old one, three ways as in merge.c:
 * it begins as the new initializer; what the program has changed is converted
 * into it, and is a conflict if the initializer changed as well.
 *
 * The old storage is left as it is. So to give up is to do nothing, at any time
 * before the publish; and a version that comes back finds its place, which
 * nobody has used since. It is never given back either: see arena.h.
 *
 * Rejected: conversion in place. A larger variable has no room, code that
 * lingers would read what it does not understand, and a failure half way
 * through would have to be undone.
 */
#include "codeserver/migrate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/emutls.h"
#include "codeserver/leaf.h"
#include "codeserver/merge.h"
#include "codeserver/state-report.h"
#include "codeserver/thread-proc.h"

struct move {
	struct report_var var;
	const char *was; /* its id until now, the registry's */
	const struct hw_var *v, *then;
	struct hw_version *describer, *version;
	struct part_var *pv;
	struct plan *plan; /* the part's; NULL: bytes as they are, or FRESH */
	bool fresh;        /* no plan: the code_change's */
	bool tls;
	uintptr_t not_from;
	unsigned char *to;
	/* NULL: not known; then all is the program's */
	const unsigned char *base, *theirs;
	unsigned char *scratch; /* the base, converted */
	/* What it was, and is to be: the program's memory is touched by
	 * raw_copy alone, or a sanitizer would speak of races, since it sees
	 * neither the gate nor the table. */
	unsigned char *live, *filled;
	struct emutls_move *tls_move;
};

struct migration {
	struct move *moves;
	size_t n;
};

/* --- what moves ----------------------------------------------------------- */

static bool moving_already(const struct migration *g, const char *was)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->moves[i].was == was)
			return true;
	return false;
}

static void move_types(struct part *p, struct move *m)
{
	m->var.types = p->again       ? types_of(p->version)
		       : p->has_types ? &p->is
				      : NULL;
	m->var.var = m->var.types ? layout_var(m->var.types, m->var.id) : NULL;
}

static int move_add(struct load_set *s, struct part *p, uint32_t k)
{
	struct migration *g = s->migration;
	struct move *m = &g->moves[g->n++]; /* there is room for all */
	const struct hw_variable *was = registry_var(p->vars[k].was);
	const struct hw_module *d = p->version->image.desc;
	struct hw_version *then;
	bool zero;

	*m = (struct move){.was = p->vars[k].was,
			   .v = &desc_vars(d)[k],
			   .pv = &p->vars[k],
			   .plan = p->vars[k].plan,
			   .not_from = ~(uintptr_t)was->addr,
			   .to = p->canonical[k]};
	m->var =
	    (struct report_var){.item = p->item, .id = desc_str(d, m->v->name)};
	move_types(p, m);
	m->tls = m->v->flags & HW_VAR_TLS;
	m->fresh = !m->plan && (m->v->size != was->size ||
				m->v->tls_size != was->tls_size ||
				(was->type && m->v->type != was->type));
	then = judge_describer(s, p, m->was, &m->then);
	m->theirs = merge_base(s, p->version, m->v, &zero);
	m->base = then ? merge_base(s, then, m->then, &zero) : NULL;
	m->describer = then;
	m->version = p->version;
	if (!m->theirs)
		return -1;
	if (m->tls) {
		m->tls_move = calloc(1, sizeof(*m->tls_move));
		return m->tls_move ? 0 : -1;
	}
	m->scratch = malloc(m->v->size + 1);
	m->filled = malloc(m->v->size + 1);
	m->live = malloc(m->then->size + 1);
	return m->scratch && m->filled && m->live ? 0 : -1;
}

int migration_prepare(struct load_set *s)
{
	size_t max = 0;

	for (size_t i = 0; i < s->n; i++)
		for (uint32_t k = 0; s->parts[i].vars && k < s->parts[i].nvars;
		     k++)
			max += s->parts[i].vars[k].moves;
	s->migration = calloc(1, sizeof(*s->migration));
	if (s->migration)
		s->migration->moves =
		    calloc(max + 1, sizeof(*s->migration->moves));
	if (!s->migration || !s->migration->moves)
		return load_no_memory(s->f);
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		for (uint32_t k = 0; p->version && p->vars && k < p->nvars; k++)
			if (p->vars[k].moves &&
			    !moving_already(s->migration, p->vars[k].was) &&
			    move_add(s, p, k) < 0)
				return load_no_memory(s->f);
	}
	return 0;
}

bool migration_any(const struct load_set *s)
{
	return s->migration && s->migration->n;
}

size_t migration_ids(const struct load_set *s, const char **ids, size_t max)
{
	size_t n = s->migration ? s->migration->n : 0;

	for (size_t i = 0; i < n && i < max; i++)
		ids[i] = s->migration->moves[i].was;
	return n;
}

size_t migration_spans(const struct load_set *s, struct hw_hidden *spans,
		       size_t max)
{
	size_t n = s->migration ? s->migration->n : 0;

	for (size_t i = 0; i < n && i < max; i++) {
		const struct move *m = &s->migration->moves[i];
		uintptr_t from = ~m->not_from;

		spans[i] = span_hide(from, from + m->then->size);
	}
	return n;
}

/* --- leaves --------------------------------------------------------------- */

struct fill {
	struct move *m;
	struct hw_failure *f;
	const char *module;
};

static int does_not_fit(struct fill *fill, const char *why)
{
	const char *name = var_bare(fill->m->var.id);

	failure_set(fill->f, "unsafe", fill->module, name,
		    "variable %s: %s; nothing was loaded", name, why);
	return -1;
}

/* Touched, and the initializer differs too, once converted. */
static void leaf_conflict(struct fill *fill, const struct plan_leaf *leaf)
{
	struct move *m = fill->m;
	struct leaf now = leaf_of(&leaf->step->to, leaf->to);
	char path[256], is[128], wants[128];

	if (leaf->step->kind == PLAN_LOST ||
	    leaf_equal(&now, m->scratch, m->theirs) ||
	    leaf_equal(&now, m->filled, m->theirs))
		return;
	layout_path(m->plan, leaf, path, sizeof(path));
	report_value(m->plan, leaf, m->live, false, is, sizeof(is));
	report_value(m->plan, leaf, m->theirs, true, wants, sizeof(wants));
	report_conflict(&m->var, path, is, wants);
}

static int leaf_fill(const struct plan_leaf *leaf, void *arg)
{
	struct fill *fill = arg;
	struct move *m = fill->m;
	struct leaf was = leaf_of(&leaf->step->from, leaf->from);
	char why[300];

	if (m->base && leaf_equal(&was, m->live, m->base))
		return 0;
	if (layout_convert(m->plan, leaf, m->live, m->filled, why,
			   sizeof(why)) < 0)
		return does_not_fit(fill, why);
	if (m->base)
		leaf_conflict(fill, leaf);
	return 0;
}

static int leaf_scratch(const struct plan_leaf *leaf, void *arg)
{
	struct move *m = arg;
	char why[300];

	if (leaf->step->kind != PLAN_LOST)
		layout_convert(m->plan, leaf, m->base, m->scratch, why,
			       sizeof(why));
	return 0;
}

static int move_fill(struct fill *fill)
{
	struct move *m = fill->m;

	raw_copy(m->live, (const void *)~m->not_from, m->then->size);
	raw_copy(m->filled, m->theirs, m->v->size);
	if (m->plan) {
		raw_copy(m->scratch, m->theirs, m->v->size);
		if (m->base)
			layout_leaves(m->plan, leaf_scratch, m);
		if (layout_leaves(m->plan, leaf_fill, fill) < 0)
			return -1;
	} else if (!m->fresh) {
		raw_copy(m->filled, m->live, m->v->size);
	}
	raw_copy(m->to, m->filled, m->v->size);
	return 0;
}

/* What a copy begins with. NULL: out of memory. */
static const unsigned char *tls_base(const struct emutls_control *was)
{
	return was->initial ? was->initial : base_zeros(was->size);
}

/* The threads convert their copies later, when nothing can be refused. */
static int tls_fill(struct fill *fill)
{
	const struct move *m = fill->m;
	const struct emutls_control *was = (void *)~m->not_from;
	const unsigned char *base = tls_base(was);
	struct emutls_misfit misfit;
	char why[400], name[16] = "";
	int r;

	raw_copy(m->to, m->theirs, m->v->size);
	if (!was->index || !m->plan)
		return 0;
	r = base ? emutls_try(was, (void *)m->to, m->plan, base, &misfit)
		 : -ENOMEM;
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return load_no_memory(fill->f);
	thread_name(misfit.tid, name);
	snprintf(why, sizeof(why), "in thread %d (%s) %s", misfit.tid, name,
		 misfit.why);
	return does_not_fit(fill, why);
}

int migration_fill(struct load_set *s)
{
	for (size_t i = 0; s->migration && i < s->migration->n; i++) {
		struct move *m = &s->migration->moves[i];
		struct fill fill = {.m = m,
				    .f = s->f,
				    .module = m->var.item->module};

		if ((m->tls ? tls_fill(&fill) : move_fill(&fill)) < 0)
			return -1;
	}
	return 0;
}

/* --- the books ------------------------------------------------------------ */

/* What a thread's copy is converted by later stays for good. */
static void tls_commit(struct move *m)
{
	const struct emutls_control *was = (void *)~m->not_from;
	struct emutls_control *now = (void *)m->to;
	const unsigned char *base = tls_base(was);

	if (!was->index || !base)
		return; /* no thread has one */
	if (m->plan) {
		types_pin(m->describer);
		types_pin(m->version);
		m->plan->is = types_of(m->version);
	}
	emutls_move(m->tls_move, now, was, m->plan, base);
	m->tls_move = NULL;
	m->pv->plan = NULL; /* not to be freed */
}

void migration_commit(struct load_set *s)
{
	for (size_t i = 0; s->migration && i < s->migration->n; i++) {
		struct move *m = &s->migration->moves[i];
		struct hw_variable *v = registry_var(m->was);

		v->addr = m->to;
		v->size = m->v->size;
		v->type = m->v->type;
		v->tls_size = m->v->tls_size;
		v->flags = m->v->flags;
		v->mover = NULL;
		v->to = NULL;
		if (m->tls)
			tls_commit(m);
	}
}

void migration_report(struct load_set *s)
{
	for (size_t i = 0; s->migration && i < s->migration->n; i++) {
		struct move *m = &s->migration->moves[i];

		if (m->tls)
			report_migrated(&m->var, m->plan, m->then->tls_size,
					m->v->tls_size);
		else
			report_migrated(&m->var, m->plan, m->then->size,
					m->v->size);
	}
}

/* No addresses in the heap: see purge.c. */
static void wipe(unsigned char *bytes, size_t size)
{
	if (bytes)
		explicit_bzero(bytes, size);
	free(bytes);
}

void migration_free(struct load_set *s)
{
	struct migration *g = s->migration;

	for (size_t i = 0; g && i < g->n; i++) {
		struct move *m = &g->moves[i];

		wipe(m->scratch, m->v->size);
		wipe(m->filled, m->v->size);
		wipe(m->live, m->then ? m->then->size : 0);
		free(m->tls_move);
	}
	if (g && g->moves)
		explicit_bzero(g->moves, g->n * sizeof(*g->moves));
	free(g ? g->moves : NULL);
	free(g);
	s->migration = NULL;
}
