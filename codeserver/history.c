/* SPDX-License-Identifier: MIT
 *
 * See history.h. A ring of entries a module, made when it is first loaded, so
 * that a program that loads ten thousand versions remembers as much as one that
 * has loaded a hundred. Version 0 is not in it: its image never goes away.
 */
#include "codeserver/history.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	char *file;
	unsigned number;
	uint8_t hash[HW_HASH_SIZE];
};

struct history {
	const struct hw_mod *mod;
	struct entry entries[HISTORY_MAX];
	size_t n; /* ever added */
	struct history *next;
};

static struct history *all;

static struct history *history_of(const struct hw_mod *m)
{
	struct history *h = all;

	while (h && h->mod != m)
		h = h->next;
	return h;
}

static struct history *history_make(const struct hw_mod *m)
{
	struct history *h = history_of(m);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->mod = m;
	h->next = all;
	all = h;
	return h;
}

void history_add(const struct hw_mod *m)
{
	struct history *h = history_make(m);
	char *file = strdup(m->current->image.file);
	struct entry *e;

	if (!h || !file) {
		free(file);
		return;
	}
	e = &h->entries[h->n++ % HISTORY_MAX];
	free(e->file);
	e->file = file;
	e->number = m->current->number;
	memcpy(e->hash, m->current->image.desc->hash, HW_HASH_SIZE);
}

/* The K-th newest entry, or NULL. */
static const struct entry *entry_back(const struct history *h, size_t k)
{
	if (!h || k >= h->n || k >= HISTORY_MAX)
		return NULL;
	return &h->entries[(h->n - 1 - k) % HISTORY_MAX];
}

static const struct hw_program_module *start_of(const struct hw_mod *m)
{
	return &hw_guest.program->modules[m - hw_guest.mods];
}

static bool wanted(const struct hw_mod *m, const struct entry *e, long number)
{
	if (number >= 0)
		return e->number == (unsigned long)number;
	return !m->current ||
	       memcmp(e->hash, m->current->image.desc->hash, HW_HASH_SIZE) != 0;
}

const char *history_file(const struct hw_mod *m, long *number)
{
	const struct history *h = history_of(m);
	const struct hw_program_module *start = start_of(m);
	const struct entry *e;

	for (size_t k = 0; (e = entry_back(h, k)) != NULL; k++)
		if (wanted(m, e, *number)) {
			*number = e->number;
			return e->file;
		}
	if (*number > 0 ||
	    (*number < 0 && m->current &&
	     !memcmp(start->desc->hash, m->current->image.desc->hash,
		     HW_HASH_SIZE)))
		return NULL;
	*number = 0;
	return start->file;
}

const char *rollback_file(const struct hw_mod *m, long to, struct hw_failure *f)
{
	const char *file;

	if (to >= (long)m->next) {
		failure_set(f, "nofile", m->name, NULL,
			    "%s: there was no version %ld", m->name, to);
		return NULL;
	}
	file = history_file(m, &to);
	if (file)
		return file;
	failure_set(f, "nofile", m->name, NULL,
		    to < 0 ? "%s: no version before this one is known"
			   : "%s: version %ld is not known any more",
		    m->name, to);
	return NULL;
}

const char *history_last(const struct hw_mod *m)
{
	const struct entry *e = entry_back(history_of(m), 0);

	return e ? e->file : NULL;
}
