/* SPDX-License-Identifier: MIT
 *
 * base   what the version that described the variable last began with (base.h)
 * ours   the live bytes
 * theirs what the new version begins with
 *
 * Leaf by leaf (numbers, pointers, bit-fields; a char array is one leaf): where
 * base and theirs differ, the live one becomes theirs if it is still base, by
 * compare-and-swap while the program runs (leaf.h). If it is neither, the
 * program's value stays, and that is a conflict, told and not guessed. Where
 * base and theirs are equal nothing is done, so a variable whose initializer
 * did not change costs one comparison.
 *
 * It is done after the publish: a new initializer may point to functions that
 * are callable only then. But an initializer that points to a variable which
 * moves is done before, while nobody can read it (gate.h).
 *
 * Two pointers to texts of two versions are the same if the texts are: every
 * object has its own copy of a string. Untouched they are turned to the new
 * one, so that nothing holds the old version's data; touched they are no
 * conflict.
 *
 * Rejected: merging whole variables (a counter in a struct of settings would
 * make each setting a conflict); stopping the threads.
 */
#include "codeserver/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/leaf.h"
#include "codeserver/memory.h"
#include "codeserver/state-report.h"

/* An opened base. */
struct opened {
	struct base base;
	const struct hw_version *version;
	bool known;
	struct opened *next;
};

/* A variable whose initializer changed. */
struct merge_item {
	struct report_var var;
	const char *was; /* its id until now */
	uintptr_t not_live;
	const unsigned char *base, *theirs;
	uint64_t size;
	struct plan *plan; /* NULL: its types are not known */
	bool own_plan;     /* ours to free */
	bool early;
	unsigned char *saved; /* what an early one was */
};

struct merge {
	struct opened *opened;
	struct merge_item *items;
	size_t n;
};

/* --- bases ---------------------------------------------------------------- */

static struct opened *opened_of(struct load_set *s, struct hw_version *v)
{
	/* What a version that comes back brings means what names mean to the
	 * set; a base, what they mean until then. */
	const struct hw_names names = {load_func_index, load_var_addr, s};
	const struct hw_names before = {load_func_index, load_var_before, s};
	struct opened *o;
	bool coming = false;

	for (o = s->merge->opened; o; o = o->next)
		if (o->version == v)
			return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		coming |= s->parts[i].version == v;
	o->version = v;
	o->known = base_open(&o->base, v, coming ? &names : &before) == 0;
	o->next = s->merge->opened;
	s->merge->opened = o;
	return o;
}

const unsigned char *merge_base(struct load_set *s, struct hw_version *v,
				const struct hw_var *var, bool *zero)
{
	struct opened *o = opened_of(s, v);

	return o && o->known ? base_bytes(&o->base, var, zero) : NULL;
}

/* --- what there is to merge ----------------------------------------------- */

/* The types are the same, so any plan between them is one of leaves. */
static void item_types(struct load_set *s, struct part *p, uint32_t k,
		       struct hw_version *then, struct merge_item *m)
{
	const struct layout *was = types_of(then);
	const struct layout *is = p->again       ? types_of(p->version)
				  : p->has_types ? &p->is
						 : NULL;
	const struct layout_var *a = was ? layout_var(was, m->was) : NULL;

	(void)s;
	m->var.types = is;
	m->var.var = is ? layout_var(is, m->var.id) : NULL;
	m->plan = p->vars[k].plan;
	if (m->plan || !a || !m->var.var)
		return;
	m->plan = calloc(1, sizeof(*m->plan));
	m->own_plan = m->plan != NULL;
	if (m->plan && layout_plan(was, a, is, m->var.var, m->plan) == 0 &&
	    m->plan->same)
		return;
	if (m->plan)
		plan_free(m->plan);
	free(m->plan);
	m->plan = NULL;
	m->own_plan = false;
}

static struct merge_item *item_new(struct merge *g)
{
	struct merge_item *p;

	if ((g->n & (g->n - 1)) == 0) { /* no addresses stay in the heap */
		p = calloc(g->n ? 2 * g->n : 1, sizeof(*p));
		if (!p)
			return NULL;
		if (g->n) {
			memcpy(p, g->items, g->n * sizeof(*p));
			explicit_bzero(g->items, g->n * sizeof(*p));
		}
		free(g->items);
		g->items = p;
	}
	p = &g->items[g->n];
	memset(p, 0, sizeof(*p));
	return p;
}

static bool mergeable(const struct part *p, uint32_t k)
{
	const struct hw_module *d = p->version->image.desc;
	const struct hw_var *v = &desc_vars(d)[k];

	return p->canonical && p->canonical[k] && p->vars[k].was &&
	       !p->vars[k].moves && v->addr && v->size &&
	       !(v->flags & (HW_VAR_TLS | HW_VAR_CONST | HW_VAR_LABELS));
}

static int var_prepare(struct load_set *s, struct part *p, uint32_t k)
{
	const struct hw_module *d = p->version->image.desc;
	const struct hw_var *v = &desc_vars(d)[k], *then;
	const char *was = p->vars[k].was;
	struct hw_version *describer = judge_describer(s, p, was, &then);
	const unsigned char *base, *theirs;
	bool zero_base, zero_theirs;
	struct merge_item *m;

	if (!describer || describer == p->version || then->size != v->size)
		return 0;
	base = merge_base(s, describer, then, &zero_base);
	theirs = merge_base(s, p->version, v, &zero_theirs);
	if (!base || !theirs || (zero_base && zero_theirs) ||
	    raw_equal(base, theirs, v->size))
		return 0;
	m = item_new(s->merge);
	if (!m)
		return -1;
	m->var =
	    (struct report_var){.item = p->item, .id = desc_str(d, v->name)};
	m->was = was;
	m->not_live = ~(uintptr_t)p->canonical[k];
	m->base = base;
	m->theirs = theirs;
	m->size = v->size;
	item_types(s, p, k, describer, m);
	s->merge->n++;
	return 0;
}

int merge_prepare(struct load_set *s)
{
	s->merge = calloc(1, sizeof(*s->merge));
	if (!s->merge)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		for (uint32_t k = 0; p->version && p->vars && k < p->nvars; k++)
			if (mergeable(p, k) && var_prepare(s, p, k) < 0)
				return -1;
	}
	return 0;
}

/* --- leaves --------------------------------------------------------------- */

/* Two texts of two versions that say the same. */
static bool same_text(const struct plan_leaf *leaf, const unsigned char *a,
		      const unsigned char *b)
{
	uintptr_t p, q;
	char x, y = 1;

	if (leaf->step->kind != PLAN_POINTER || leaf->step->from.size != 8)
		return false;
	raw_copy(&p, a + leaf->from, 8);
	raw_copy(&q, b + leaf->to, 8);
	if (p - HW_ARENA_BASE >= HW_ARENA_SIZE ||
	    q - HW_ARENA_BASE >= HW_ARENA_SIZE)
		return false;
	for (int n = 0; n < 4096 && y; n++)
		if (memory_peek(p++, &x, 1) < 0 ||
		    memory_peek(q++, &y, 1) < 0 || x != y ||
		    (x < ' ' && x && x != '\n' && x != '\t'))
			return false;
	return true;
}

static void conflict(struct merge_item *m, const struct plan_leaf *leaf)
{
	const unsigned char *live = (const unsigned char *)~m->not_live;
	char path[256], is[128], wants[128];

	layout_path(m->plan, leaf, path, sizeof(path));
	report_value(m->plan, leaf, live, false, is, sizeof(is));
	report_value(m->plan, leaf, m->theirs, true, wants, sizeof(wants));
	report_conflict(&m->var, path, is, wants);
}

static int leaf_merge(const struct plan_leaf *leaf, void *arg)
{
	struct merge_item *m = arg;
	unsigned char *live = (unsigned char *)~m->not_live;
	struct leaf l = leaf_of(&leaf->step->from, leaf->from);
	char path[256];

	if (leaf_equal(&l, m->base, m->theirs))
		return 0;
	if (leaf_swap(&l, live, m->base, m->theirs)) {
		if (same_text(leaf, m->base, m->theirs))
			return 0;
		layout_path(m->plan, leaf, path, sizeof(path));
		report_merged(&m->var, path);
	} else if (!leaf_equal(&l, live, m->theirs) &&
		   !same_text(leaf, m->base, m->theirs) &&
		   !same_text(leaf, live, m->theirs)) {
		conflict(m, leaf);
	}
	return 0;
}

/* Of a variable whose type nobody knows: all or nothing. */
static void whole_merge(struct merge_item *m)
{
	unsigned char *live = (unsigned char *)~m->not_live;
	struct leaf l = {.size = m->size};

	if (leaf_swap(&l, live, m->base, m->theirs))
		report_merged(&m->var, "");
	else if (!leaf_equal(&l, live, m->theirs))
		report_conflict(&m->var, "", "changed by the program",
				"another initializer");
}

static void item_merge(struct merge_item *m)
{
	if (m->plan)
		layout_leaves(m->plan, leaf_merge, m);
	else
		whole_merge(m);
}

void merge_run(struct load_set *s)
{
	for (size_t i = 0; s->merge && i < s->merge->n; i++)
		if (!s->merge->items[i].early)
			item_merge(&s->merge->items[i]);
}

/* --- what points to variables that move ----------------------------------- */

static bool points_into(const struct merge_item *m,
			const struct hw_hidden *spans, size_t n)
{
	for (uint64_t at = 0; at + 8 <= m->size; at += 8) {
		uintptr_t word;

		raw_copy(&word, m->base + at, 8);
		for (size_t i = 0; i < n; i++)
			if (hidden_has(&spans[i], word))
				return true;
	}
	return false;
}

size_t merge_pointing(const struct load_set *s, const struct hw_hidden *spans,
		      size_t n, const char **ids, size_t max)
{
	size_t found = 0;

	for (size_t i = 0; s->merge && i < s->merge->n; i++) {
		struct merge_item *m = &s->merge->items[i];

		m->early = points_into(m, spans, n);
		if (m->early && found < max)
			ids[found++] = m->was;
	}
	return found;
}

bool merge_moves_word(const struct load_set *s, uintptr_t at, uintptr_t word)
{
	for (size_t i = 0; s->merge && i < s->merge->n; i++) {
		const struct merge_item *m = &s->merge->items[i];
		uintptr_t off = at - ~m->not_live, base;

		if (off >= m->size || off + 8 > m->size)
			continue;
		raw_copy(&base, m->base + off, 8);
		return m->early && base == word;
	}
	return false;
}

int merge_early(struct load_set *s)
{
	for (size_t i = 0; s->merge && i < s->merge->n; i++) {
		struct merge_item *m = &s->merge->items[i];

		if (!m->early)
			continue;
		m->saved = malloc(m->size);
		if (!m->saved)
			return -1;
		raw_copy(m->saved, (const void *)~m->not_live, m->size);
	}
	for (size_t i = 0; s->merge && i < s->merge->n; i++)
		if (s->merge->items[i].early)
			item_merge(&s->merge->items[i]);
	return 0;
}

void merge_early_undo(struct load_set *s)
{
	for (size_t i = 0; s->merge && i < s->merge->n; i++) {
		const struct merge_item *m = &s->merge->items[i];

		if (m->saved)
			raw_copy((void *)~m->not_live, m->saved, m->size);
	}
}

static void item_free(struct merge_item *m)
{
	if (m->own_plan) {
		plan_free(m->plan);
		free(m->plan);
	}
	if (m->saved) /* no addresses in the heap: purge.c */
		explicit_bzero(m->saved, m->size);
	free(m->saved);
}

void merge_free(struct load_set *s)
{
	struct opened *o, *next;

	if (!s->merge)
		return;
	for (size_t i = 0; i < s->merge->n; i++)
		item_free(&s->merge->items[i]);
	for (o = s->merge->opened; o; o = next) {
		next = o->next;
		base_close(&o->base);
		explicit_bzero(o, sizeof(*o));
		free(o);
	}
	if (s->merge->items)
		explicit_bzero(s->merge->items,
			       s->merge->n * sizeof(struct merge_item));
	free(s->merge->items);
	free(s->merge);
	s->merge = NULL;
}
