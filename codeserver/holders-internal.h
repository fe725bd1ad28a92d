/* SPDX-License-Identifier: MIT
 *
 * Between holders.c, which finds, and holders-known.c, which remembers.
 */
#ifndef HW_HOLDERS_INTERNAL_H
#define HW_HOLDERS_INTERNAL_H

#include "codeserver/holders.h"
#include "codeserver/threads.h"

/* One look at some versions. */
struct look {
	struct holders_of *of;
	size_t n;
	bool listing; /* all are wanted, by name */
	bool nameless;
	bool brief; /* of threads, and without names */
	struct holder *list;
	size_t nlist, cap;
	const struct hw_span *stacks; /* of threads, for the search of memory */
	size_t nstacks;
};

/* What was found to hold version I of a look. */
struct found {
	enum holder_kind kind;
	pid_t tid;
	const char *why; /* unknown */
	/* frame; FRAMES are copied */
	struct holder_frame at;
	const struct holder_frame *frames;
	size_t nframes;
	/* pointer */
	enum holder_where where;
	bool into_code;
	uintptr_t not_word, not_value;
};

void found_add(struct look *l, size_t i, const struct found *f);

/* A state of a look that can be gone back to. */
struct mark {
	size_t nlist;
	bool code[HOLDERS_VERSIONS], data[HOLDERS_VERSIONS];
	unsigned holders[HOLDERS_VERSIONS];
};
struct mark look_mark(const struct look *l);
void look_undo(struct look *l, struct mark m);

/* Looks where the versions were held the last time. */
void known_places(struct look *l, const struct threads_look *t);
/* After a whole list: forgets what holds no more. */
void known_sweep(const struct look *l);

/* Fills in what a person wants to know of a holder (holders-name.c). */
void holder_describe(struct holder *h, const char *why);
void holder_clear(struct holder *h);

#endif
