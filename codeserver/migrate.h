/* SPDX-License-Identifier: MIT
 *
 * Variables that get new storage, because their layout changed. The code
 * server's thread.
 */
#ifndef HW_MIGRATE_H
#define HW_MIGRATE_H

#include "codeserver/load-internal.h"

/* Finds what of a bound set moves, after merge_prepare. 0, or -1 and s->f. */
int migration_prepare(struct load_set *s);

/* Whether nobody may touch some variables while the set is published. */
bool migration_any(const struct load_set *s);

/* The ids until now of all that moves, N of them; and their storage, while it
 * is theirs (it is no variable's address otherwise). */
size_t migration_ids(const struct load_set *s, const char **ids, size_t max);
size_t migration_spans(const struct load_set *s, struct hw_hidden *spans,
		       size_t max);

/*
 * Fills the new storages, which nobody sees yet, from the old ones, which
 * nobody touches meanwhile (gate.h). May be done again. 0, or -1 and s->f: a
 * value does not fit its new type; nothing has changed.
 */
int migration_fill(struct load_set *s);

/* At the publish: the books. Cannot fail. */
void migration_commit(struct load_set *s);

/* What moved, for the answer; after the publish. */
void migration_report(struct load_set *s);
void migration_free(struct load_set *s);

#endif
