/* SPDX-License-Identifier: MIT
 *
 * Which gate a set must be published through (gate.h): before the modules that
 * use a variable which moves, or whose state a code_change is to change.
 *
 * A module that is not in the set, and whose code names such a variable, would
 * go on with the storage that is left behind: the load is refused, and says who
 * has to come along.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/codechange.h"
#include "codeserver/gate.h"
#include "codeserver/load-internal.h"
#include "codeserver/merge.h"
#include "codeserver/migrate.h"

/* --- who uses it ---------------------------------------------------------- */

/* A global is named by relocations, a static by its module alone. */
static bool version_uses(const struct hw_version *v, const char *id)
{
	const struct hw_image *i = &v->image;
	uint32_t hint = 0;

	if (base_var(i->desc, id, &hint))
		return true;
	if (strchr(id, ':'))
		return false;
	for (size_t k = 0; k < i->nrela; k++) {
		const char *name = image_symbol(i, &i->rela[k]);

		if (name && !strcmp(name, id))
			return true;
	}
	return false;
}

static bool mod_uses(const struct hw_mod *m, const char *id)
{
	if (m->current && version_uses(m->current, id))
		return true;
	for (const struct hw_version *v = m->old; v; v = v->older)
		if (version_uses(v, id))
			return true;
	return false;
}

static bool mod_uses_any(const struct hw_mod *m, const struct gate *g)
{
	for (size_t i = 0; i < g->nids; i++)
		if (mod_uses(m, g->ids[i]))
			return true;
	return false;
}

static bool in_set(const struct load_set *s, const struct hw_mod *m)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version && s->parts[i].item->mod == m)
			return true;
	return false;
}

static int users_check(struct load_set *s, const struct gate *g)
{
	for (size_t k = 0; k < hw_guest.nmods; k++) {
		const struct hw_mod *m = &hw_guest.mods[k];

		if (in_set(s, m))
			continue;
		for (size_t i = 0; i < g->nspans; i++)
			if (!strchr(g->ids[i], ':') && mod_uses(m, g->ids[i]))
				return failure_set(
				    s->f, "unsafe", m->name, g->ids[i],
				    "variable %s: its layout changed, and "
				    "module %s uses it too; load both at once",
				    g->ids[i], m->name);
	}
	return 0;
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
	size_t max = variables_max(s), n;

	s->gate_ids = calloc(max, sizeof(*s->gate_ids));
	s->gate_spans = calloc(max, sizeof(*s->gate_spans));
	s->gate_mods = calloc(s->n + 1, sizeof(*s->gate_mods));
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
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version &&
		    mod_uses_any(s->parts[i].item->mod, g))
			s->gate_mods[g->n++] = s->parts[i].item->mod;
	g->mods = s->gate_mods;
	return users_check(s, g);
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
		explicit_bzero(s->gate_mods, s->n * sizeof(struct hw_mod *));
	free(s->gate_ids);
	free(s->gate_spans);
	free(s->gate_mods);
}
