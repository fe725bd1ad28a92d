/* SPDX-License-Identifier: MIT
 *
 * The gate: closed, calls of some modules' functions wait, so that nobody
 * touches certain variables. The code server's thread.
 */
#ifndef HW_GATE_H
#define HW_GATE_H

#include "codeserver/guest.h"
#include "codeserver/server.h"
#include "codeserver/table.h"

#define GATE_DEADLINE_MS 1000

struct gate_look;

struct gate {
	/* in */
	struct hw_mod *const *mods; /* whose functions wait; busy by an order */
	size_t n;
	const char *const *ids; /* the variables, as of the current versions */
	size_t nids;
	/* storage that nothing may point to: of the first variables */
	const struct hw_hidden *spans;
	size_t nspans;
	/* Words that may: initializers that are turned meanwhile. */
	bool (*allowed)(void *arg, uintptr_t at, uintptr_t word);
	void *arg;
	unsigned deadline_ms;
	/* 0: it is closed and nobody is inside, until gate_open. -1: somebody
	 * did not leave; FAILURE says who; it is open. */
	void (*done)(struct gate *g, int result);
	struct hw_failure failure; /* out */
	unsigned shut_us;          /* out: callers waited so long, at most */
	/* Where thread TID may go on while it is sealed; NULL: it waits. */
	void *(*guest_entry)(void *arg, pid_t tid, uint32_t index);
	/* ours */
	struct server_timer timer;
	uint64_t deadline, turn; /* turn: when it opens, or may close again */
	uint64_t shut_at; /* when it closed, microseconds; 0: it is open */
	bool closed, sealed;
	uint32_t *index; /* of entries that are closed, and what they were */
	uintptr_t *not_entry;
	size_t nentries;
	struct gate_look *look;
	struct gate *next;
};

/* Begins; one after another if several are wanted. DONE may be called inside.
 */
void gate_close(struct gate *g);

/*
 * Opens a gate that is closed. The publish has turned its entries if PUBLISHED;
 * else they become what they were. Whoever waited goes on.
 */
void gate_open(struct gate *g, bool published);

/* What the closed entries were, for the publish to begin with. */
size_t gate_changes(const struct gate *g, struct table_change *changes);

/* What entry INDEX leads to when the gate is open. */
void *gate_entry(uint32_t index);

/* Where a thread waits: the frame of trap-entry.S, and the entry it called. */
struct gate_wait {
	uintptr_t frame;
	uint32_t index;
};

/* False: TID does not wait at the gate, as far as is known yet. */
bool gate_waits(pid_t tid, struct gate_wait *w);

/* In a forked child, which has one thread and no load under way. */
void gate_forked(void);

/* --- gate-args.c ---------------------------------------------------------- */

/* What is alive of a call that waits, by how its function is called. */
struct gate_args {
	uintptr_t frame;    /* 0: nobody waits, all counts */
	uintptr_t from, to; /* the vector registers */
	uint32_t words;     /* of enum trap_word */
	bool vectors;
};

struct layout;
struct layout_func;

/* FUNCTION of L is called; NULL: it is not known. */
void gate_args_of(struct gate_args *a, uintptr_t frame, const struct layout *l,
		  const struct layout_func *function);
/* Whether the word at AT on its stack is nothing of the program's. */
bool gate_args_dead(const struct gate_args *a, uintptr_t at);

/* --- gate-look.c ---------------------------------------------------------- */

/* NULL: out of memory. */
struct gate_look *gate_look_new(const struct gate *g);
void gate_look_free(struct gate_look *l);

/*
 * Whether somebody is inside: a thread with a frame in a function that may
 * still touch one of the variables, or one that may be entering. Notes who.
 */
bool gate_look_threads(struct gate_look *l);
/* From the next look on: whether a thread had such a frame in every look. */
void gate_look_watch(struct gate_look *l);
bool gate_look_stays(const struct gate_look *l);
/* Whether one with such a frame in that look was not blocked. */
bool gate_look_runs(const struct gate_look *l);
/* Whether thread TID had such a frame in that look. */
bool gate_look_inside(const struct gate_look *l, pid_t tid);
/* The same of memory: a coroutine's stack, a pointer to the storage. */
bool gate_look_memory(struct gate_look *l);
/* Who it was, in one sentence. */
const char *gate_look_who(const struct gate_look *l, char *buf, size_t size);

#endif
