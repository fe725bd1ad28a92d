/* SPDX-License-Identifier: MIT
 *
 * HOT_CODE_CHANGE: what a module does to its state when it gets another
 * version. The code server's thread, but for what hotwatch/code.h exports.
 */
#ifndef HW_CODECHANGE_H
#define HW_CODECHANGE_H

#include "codeserver/load-internal.h"
#include "codeserver/onload.h"

#define CODE_CHANGE_DEADLINE_MS 5000

/* Whether a module of the bound set has one that must run. */
bool code_change_any(const struct load_set *s);
/* How many variables of P's current version it may want; their ids. */
size_t code_change_nvars(const struct part *p);
size_t code_change_ids(const struct load_set *s, const char **ids, size_t max);

/* For the gate: where thread TID, if it runs one, goes on. ARG: the set. */
void *code_change_entry(void *arg, pid_t tid, uint32_t index);

/*
 * Runs them, one after another, with the gate sealed and the new storages
 * filled. DONE(arg, 0): all returned 0. -1: the variables are as they were, and
 * *f says why (code_change_failed). May be called inside.
 */
void code_change_run(struct load_set *s, unsigned deadline_ms,
		     struct hw_failure *f, void (*done)(void *arg, int result),
		     void *arg);
void code_change_free(struct load_set *s);

/* All returned 0, and the set was published; or was not: the variables are as
 * they were then. */
void code_change_commit(const struct load_set *s);
void code_change_undo(const struct load_set *s);

/* In a forked child: it has the old code, and so the old variables, whatever
 * one that was at it in the parent has done to them. */
void code_change_forked(void);

#endif
