/* SPDX-License-Identifier: MIT
 *
 * A plan carried out, leaf by leaf: see layout.h. Whoever moves a variable
 * decides which leaves move (one that nobody touched may take the new
 * initializer instead), so this goes through them and moves one, and knows no
 * storage.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codeserver/layout.h"

/* --- through the steps ---------------------------------------------------- */

struct walk {
	const struct plan *p;
	int (*each)(const struct plan_leaf *leaf, void *arg);
	void *arg;
	struct plan_leaf leaf;
};

static int walk_steps(struct walk *w, uint32_t first, uint32_t end,
		      uint64_t from, uint64_t to, uint32_t loops)
{
	int r = 0;

	for (uint32_t i = first; r == 0 && i < end; i++) {
		const struct plan_step *s = &w->p->steps[i];

		if (s->kind != PLAN_LOOP) {
			w->leaf.step = s;
			w->leaf.from = from + s->from.at;
			w->leaf.to = to + s->to.at;
			r = w->each(&w->leaf, w->arg);
			continue;
		}
		for (uint64_t k = 0; r == 0 && k < s->count; k++) {
			w->leaf.round[loops] = k;
			r = walk_steps(w, i + 1, i + 1 + s->body,
				       from + k * s->from.stride,
				       to + k * s->to.stride, loops + 1);
		}
		i += s->body;
	}
	return r;
}

int layout_leaves(const struct plan *p,
		  int (*each)(const struct plan_leaf *leaf, void *arg),
		  void *arg)
{
	struct walk w = {.p = p, .each = each, .arg = arg};

	return walk_steps(&w, 0, p->nsteps, 0, 0, 0);
}

/* --- paths ---------------------------------------------------------------- */

void plan_path(const struct plan *p, uint32_t node, const uint64_t *round,
	       char *buf, size_t size)
{
	uint32_t up[2 * LAYOUT_DEPTH + 2], n = 0, loops = 0;
	size_t at = 0;

	for (; node && n < sizeof(up) / sizeof(*up); node = p->nodes[node].up)
		up[n++] = node;
	buf[0] = '\0';
	while (n && at + 1 < size) {
		const char *name = p->nodes[up[--n]].name;

		if (name)
			snprintf(buf + at, size - at, "%s%s", at ? "." : "",
				 name);
		else if (round)
			snprintf(buf + at, size - at, "[%llu]",
				 (unsigned long long)round[loops++]);
		else
			snprintf(buf + at, size - at, "[]");
		at += strlen(buf + at);
	}
}

void layout_path(const struct plan *p, const struct plan_leaf *leaf, char *buf,
		 size_t size)
{
	size_t at;

	plan_path(p, leaf->step->node, leaf->round, buf, size);
	at = strlen(buf);
	if (leaf->step->kind == PLAN_LOST) /* the first element that goes */
		snprintf(buf + at, size - at, "[%llu]",
			 (unsigned long long)leaf->step->count);
}

/* --- one leaf ------------------------------------------------------------- */

struct move {
	const struct plan *p;
	const struct plan_leaf *leaf;
	const char *old;
	char *new;
	char *why;
	size_t size;
};

static int refuse(const struct move *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "PATH is VALUE, which ..." */
static int refuse(const struct move *m, const char *fmt, ...)
{
	char path[200], value[100];
	va_list ap;
	size_t n;

	layout_path(m->p, m->leaf, path, sizeof(path));
	layout_print_old(m->p, m->leaf, m->old, value, sizeof(value));
	snprintf(m->why, m->size, "%s is %s, ", *path ? path : "its value",
		 value);
	n = strlen(m->why);
	va_start(ap, fmt);
	vsnprintf(m->why + n, m->size - n, fmt, ap);
	va_end(ap);
	return -1;
}

static int does_not_fit(const struct move *m)
{
	const struct plan_side *to = &m->leaf->step->to;
	char type[100];

	layout_type_name(m->p->is, to->type, type, sizeof(type));
	if (to->bits)
		return refuse(m, "which does not fit %u bits of %s", to->bits,
			      type);
	return refuse(m, "which does not fit %s", type);
}

static int number_move(const struct move *m)
{
	const struct plan_step *s = m->leaf->step;
	struct layout_number n =
	    layout_load(m->p->was, &s->from, m->old + m->leaf->from);

	if (layout_store(m->p->is, &s->to, m->new + m->leaf->to, n))
		return 0;
	return does_not_fit(m);
}

static const struct layout_part *named(const struct layout *l, uint32_t type,
				       const char *name)
{
	const struct layout_type *t = &l->types[type];

	for (uint64_t i = 0; i < t->count; i++)
		if (!strcmp(layout_str(l, l->parts[t->first + i].name), name))
			return &l->parts[t->first + i];
	return NULL;
}

static const struct layout_part *valued(const struct layout *l, uint32_t type,
					__int128 value)
{
	const struct layout_type *t = &l->types[type];

	for (uint64_t i = 0; i < t->count; i++)
		if (l->parts[t->first + i].at == value)
			return &l->parts[t->first + i];
	return NULL;
}

/* Whether all enumerators that both sides have kept their numbers. */
static bool numbers_kept(const struct move *m)
{
	const struct plan_step *s = m->leaf->step;
	const struct layout_type *t = &m->p->was->types[s->from.type];
	const struct layout_part *e = m->p->was->parts + t->first, *now;

	for (uint64_t i = 0; i < t->count; i++) {
		now = named(m->p->is, s->to.type,
			    layout_str(m->p->was, e[i].name));
		if (now && now->at != e[i].at)
			return false;
	}
	return true;
}

static int enum_move(const struct move *m)
{
	const struct plan_step *s = m->leaf->step;
	struct layout_number n =
	    layout_load(m->p->was, &s->from, m->old + m->leaf->from);
	const struct layout_part *was = valued(m->p->was, s->from.type, n.i),
				 *is;
	char type[100];

	layout_type_name(m->p->is, s->to.type, type, sizeof(type));
	if (was) {
		is = named(m->p->is, s->to.type,
			   layout_str(m->p->was, was->name));
		if (!is && !numbers_kept(m))
			return refuse(m, "which %s has no more", type);
		if (!is && !valued(m->p->is, s->to.type, n.i))
			return refuse(m, "which %s has no more", type);
		if (is)
			n.i = is->at;
	} else if (!numbers_kept(m)) {
		return refuse(m,
			      "which is no enumerator, and those of %s have "
			      "other numbers now",
			      type);
	}
	if (layout_store(m->p->is, &s->to, m->new + m->leaf->to, n))
		return 0;
	return does_not_fit(m);
}

static bool is_zero(const char *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static int string_move(const struct move *m)
{
	const struct plan_step *s = m->leaf->step;
	const char *from = m->old + m->leaf->from;
	char *to = m->new + m->leaf->to;
	uint64_t n = s->from.size < s->to.size ? s->from.size : s->to.size;

	if (!is_zero(from + n, s->from.size - n))
		return refuse(m, "which does not fit char[%llu]",
			      (unsigned long long)s->to.size);
	memcpy(to, from, n);
	memset(to + n, 0, s->to.size - n);
	return 0;
}

static int lost_check(const struct move *m)
{
	const struct plan_side *s = &m->leaf->step->from;
	const char *from = m->old + m->leaf->from;
	char path[200];

	if (is_zero(from, s->size))
		return 0;
	layout_path(m->p, m->leaf, path, sizeof(path));
	snprintf(m->why, m->size,
		 "what is from %s on is in use, and would be lost", path);
	return -1;
}

int layout_convert(const struct plan *p, const struct plan_leaf *leaf,
		   const void *old, void *new, char *why, size_t size)
{
	const struct plan_step *s = leaf->step;
	struct move m = {.p = p,
			 .leaf = leaf,
			 .old = old,
			 .new = new,
			 .why = why,
			 .size = size};

	switch (s->kind) {
	case PLAN_INT:
	case PLAN_FLOAT:
		if (s->convert || s->from.bits)
			return number_move(&m);
		break;
	case PLAN_ENUM:
		return enum_move(&m);
	case PLAN_STRING:
		return string_move(&m);
	case PLAN_LOST:
		return lost_check(&m);
	}
	memcpy(m.new + leaf->to, m.old + leaf->from, s->from.size);
	return 0;
}
