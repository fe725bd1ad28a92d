/* SPDX-License-Identifier: MIT
 *
 * What became of variables in a load, for those who are told of it. When memory
 * is out they are told less. The code server's thread.
 */
#ifndef HW_STATE_REPORT_H
#define HW_STATE_REPORT_H

#include "codeserver/load.h"

struct plan;
struct plan_leaf;
struct layout;
struct layout_var;

/* A variable, as the reports name it: TYPES and VAR may be NULL. */
struct report_var {
	struct load_item *item;
	const char *id;
	const struct layout *types;
	const struct layout_var *var;
	unsigned told; /* ours: members of it so far */
	struct cJSON *entry;
};

/* Told of a variable at most: an array of a million is one line as well. */
#define REPORT_MEMBERS 16

void report_merged(struct report_var *v, const char *member);
void report_conflict(struct report_var *v, const char *member, const char *live,
		     const char *now);
void report_migrated(struct report_var *v, const struct plan *p, uint64_t from,
		     uint64_t to);
void report_renamed(struct load_item *item, const char *from, const char *to);

/* Forgets what was told. */
void report_clear(struct load_item *item);

/*
 * A leaf's value for people: numbers as C spells them, functions and variables
 * by name, strings in quotes. BYTES are the variable's, of the plan's old side
 * or (NOW) of its new one.
 */
void report_value(const struct plan *p, const struct plan_leaf *leaf,
		  const unsigned char *bytes, bool now, char *buf, size_t size);

#endif
