/* SPDX-License-Identifier: MIT
 *
 * What the files of a round share (round.c, round-along.c, round-link.c,
 * round-load.c, round-place.c, round-verdict.c). Nobody else includes this.
 */
#ifndef WATCHER_ROUND_H
#define WATCHER_ROUND_H

#include "watcher/engine-internal.h"

struct round_item {
	struct round *round;
	struct module *m;
	char hash[33];
	struct link *link; /* while it is linked */
	struct artifact a; /* its own copy of the file's name */
};

struct round_peer {
	struct round *round;
	struct peer *peer; /* NULL: it is gone */
	int pid;
	size_t *items, n;
	bool retry;  /* misplaced: not an outcome yet */
	bool judged; /* unsafe: it is not asked, and its outcome is known */
	bool along;  /* some of its items it has already (round-along.c) */
};

struct round {
	struct engine *e;
	struct round *next;
	struct set *set; /* never dissolves before the round ends */
	unsigned stamp;
	struct round_item *items;
	struct round_peer *peers;
	size_t nitems, npeers, linking, loading;
	uint64_t begun, linked;
	char *err; /* a link that failed */
	bool stale, judged;
	struct event *ev;
};

/* Links what has no file yet, then calls round_load. */
void round_link(struct round *r);
/* Judges what was linked, then calls round_load again; false: there is nothing
 * to be judged. */
bool round_judge(struct round *r);
/* Adds to what P gets the modules that RESULT says must come along, as far as
 * they can. True: R has more to link, or is stale, so nothing is loaded yet. */
struct check_result;
bool round_along(struct round_peer *p, const struct check_result *result);
/* P gets M too. The index of its item. */
size_t round_add(struct round_peer *p, struct module *m);
/* False: item I must be compiled first, only to have its object; that was
 * arranged. */
bool round_find_file(struct round *r, size_t i);
/* Notes what became of P. */
void round_result(struct round_peer *p, const struct session_answer *a);
/* Sends every target its part and, when all have answered, ends R. */
void round_load(struct round *r);
void round_free(struct round *r);

/* What S has mapped is taken. */
void place_session(struct place *taken, const struct session *s);

#endif
