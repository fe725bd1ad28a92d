/* SPDX-License-Identifier: MIT
 *
 * Which gate a set must be published through (gate.h): before the modules that
 * use a variable which moves, or whose state a code_change is to change.
 *
 * A module that is not in the set, and whose code names a variable that moves,
 * would go on with the storage that is left behind: the load is refused, and
 * says who has to come along. One that names a variable which a code_change may
 * change waits at the gate too.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/codechange.h"
#include "codeserver/gate.h"
#include "codeserver/load-internal.h"
#include "codeserver/merge.h"
#include "codeserver/migrate.h"

/* --- who uses it ---------------------------------------------------------- */

/* Ids, in order, so that a module's symbols can be looked up in them. */
struct names {
	const char **v;
	size_t n;
};

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_make(struct names *to, const char *const *ids, size_t n)
{
	*to = (struct names){calloc(n + 1, sizeof(*ids)), n};
	if (!to->v)
		return -1;
	memcpy(to->v, ids, n * sizeof(*ids));
	qsort(to->v, n, sizeof(*to->v), name_order);
	return 0;
}

static const char *name_find(const struct names *names, const char *id)
{
	const char **found =
	    bsearch(&id, names->v, names->n, sizeof(*names->v), name_order);

	return found ? *found : NULL;
}

/* The first of NAMES that V uses, or NULL. A global is named by relocations, a
 * static by its module alone. */
static const char *version_uses(const struct hw_version *v,
				const struct names *names)
{
	const struct hw_image *i = &v->image;
	const char *found = NULL;

	for (uint32_t k = 0; !found && k < i->desc->nvars; k++)
		found = name_find(names, desc_str(i->desc,
						  desc_vars(i->desc)[k].name));
	for (size_t k = 0; !found && k < i->nrela; k++) {
		const char *id = image_symbol(i, &i->rela[k]);

		found = id ? name_find(names, id) : NULL;
	}
	return found;
}

static const char *mod_uses(const struct hw_mod *m, const struct names *names)
{
	const char *found = m->current ? version_uses(m->current, names) : NULL;

	for (const struct hw_version *v = m->old; !found && v; v = v->older)
		found = version_uses(v, names);
	return found;
}

static bool in_set(const struct load_set *s, const struct hw_mod *m)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version && s->parts[i].item->mod == m)
			return true;
	return false;
}

/* Those of IDS move. */
static int users_check(struct load_set *s, const struct names *moving)
{
	for (size_t k = 0; moving->n && k < hw_guest.nmods; k++) {
		const struct hw_mod *m = &hw_guest.mods[k];
		const char *id = in_set(s, m) ? NULL : mod_uses(m, moving);

		if (id)
			return failure_set(
			    s->f, "unsafe", m->name, var_bare(id),
			    "variable %s: its layout changed, and module %s "
			    "uses it too; load both at once, with force if "
			    "the code of %s is what it was",
			    var_bare(id), m->name, m->name);
	}
	return 0;
}

/* Modules of other sets too: what they write to a global while a code_change
 * is at it would be lost if that fails, and they would see half of it. And all
 * of a set that has one: what it converts on the heap may be any of theirs, and
 * what it calls of them must be the new code, which the gate gives it. */
static void users_add(struct load_set *s, struct gate *g,
		      const struct names *names)
{
	bool all = code_change_any(s);

	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_mod *m = &hw_guest.mods[i];

		if ((all && in_set(s, m)) || mod_uses(m, names))
			s->gate_mods[g->n++] = m;
	}
	g->mods = s->gate_mods;
}

/* --- the gate ------------------------------------------------------------- */

static size_t variables_max(const struct load_set *s)
{
	size_t n = 1;

	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version)
			n +=
			    s->parts[i].nvars + code_change_nvars(&s->parts[i]);
	return n;
}

static bool allowed(void *arg, uintptr_t at, uintptr_t word)
{
	return merge_moves_word(arg, at, word);
}

static int gate_fill(struct load_set *s, struct gate *g)
{
	struct names all = {0}, moving = {0};
	size_t max = variables_max(s), n;
	int r = -1;

	s->gate_ids = calloc(max, sizeof(*s->gate_ids));
	s->gate_spans = calloc(max, sizeof(*s->gate_spans));
	s->gate_mods = calloc(hw_guest.nmods + 1, sizeof(*s->gate_mods));
	if (!s->gate_ids || !s->gate_spans || !s->gate_mods)
		return load_no_memory(s->f);
	n = migration_ids(s, s->gate_ids, max);
	g->nspans = migration_spans(s, s->gate_spans, max);
	n += merge_pointing(s, s->gate_spans, g->nspans, s->gate_ids + n,
			    max - n);
	n += code_change_ids(s, s->gate_ids + n, max - n);
	g->ids = s->gate_ids;
	g->nids = n;
	g->spans = s->gate_spans;
	if (names_make(&all, g->ids, n) < 0 ||
	    names_make(&moving, g->ids, g->nspans) < 0)
		load_no_memory(s->f);
	else
		r = users_check(s, &moving);
	if (r == 0)
		users_add(s, g, &all);
	free(all.v);
	free(moving.v);
	return r;
}

int load_gate(struct load_set *s, struct gate *g, struct hw_failure *f)
{
	s->f = f;
	if (!migration_any(s) && !code_change_any(s))
		return 0;
	*g = (struct gate){.allowed = allowed,
			   .arg = s,
			   .guest_entry = code_change_entry,
			   .deadline_ms = GATE_DEADLINE_MS};
	if (gate_fill(s, g) < 0)
		return -1;
	s->gate = g;
	return 1;
}

void load_gate_free(struct load_set *s)
{
	if (s->gate_mods) /* no addresses in the heap: see purge.c */
		explicit_bzero(s->gate_mods,
			       hw_guest.nmods * sizeof(struct hw_mod *));
	free(s->gate_ids);
	free(s->gate_spans);
	free(s->gate_mods);
}
