/* SPDX-License-Identifier: MIT
 *
 * The three-way merge of variables that stay where they are. The code server's
 * thread.
 */
#ifndef HW_MERGE_H
#define HW_MERGE_H

#include "codeserver/load-internal.h"

/*
 * Finds what there is to merge in a set that is bound, so that nothing can fail
 * later. 0, or -1: out of memory.
 */
int merge_prepare(struct load_set *s);

/*
 * What V's variable VAR began with; *ZERO: nothing but zeros. NULL: that is not
 * known. Good as long as the set.
 */
const unsigned char *merge_base(struct load_set *s, struct hw_version *v,
				const struct hw_var *var, bool *zero);

/* Variables whose initial value points into one of SPANS: they must not be read
 * with the old value once that has moved. Adds their ids, as of the current
 * version, to IDS (there is room for MAX); how many. */
size_t merge_pointing(const struct load_set *s, const struct hw_hidden *spans,
		      size_t n, const char **ids, size_t max);
/* Whether the word at AT is such a one, and untouched. */
bool merge_moves_word(const struct load_set *s, uintptr_t at, uintptr_t word);

/* Does those, before the publish; and undoes them, while still nobody can write
 * them. 0, or -1: out of memory, nothing was done. */
int merge_early(struct load_set *s);
void merge_early_undo(struct load_set *s);

/* Does the rest, after the publish. Cannot fail. */
void merge_run(struct load_set *s);
void merge_free(struct load_set *s);

#endif
