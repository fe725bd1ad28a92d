/* SPDX-License-Identifier: MIT
 *
 * Holders: what still needs a version. A thread with a frame in its code, a
 * word of memory that points into it, a thread of which that cannot be known.
 *
 * All of this runs in the code server's thread. Addresses are kept inverted
 * wherever they are kept (guest.h says why).
 */
#ifndef HW_HOLDERS_H
#define HW_HOLDERS_H

#include <sys/types.h>

#include "codeserver/guest.h"

enum holder_kind {
	HOLDER_FRAME,
	HOLDER_POINTER,
	HOLDER_UNKNOWN
};

/* Where the word of a pointer lies. */
enum holder_where {
	HOLDER_STACK,
	HOLDER_DATA,
	HOLDER_HEAP,
	HOLDER_MAPPING
};

#define HOLDER_FRAMES 64 /* kept of one thread; the innermost */
#define HOLDER_LOOPING_MS 5000

struct holder_frame {
	uintptr_t not_address, not_bias; /* of the object's load */
	char *object; /* malloc'd, its file; NULL: not known */
};

struct holder {
	uint64_t id; /* the same as long as it holds */
	enum holder_kind kind;
	const struct hw_mod *mod;
	const struct hw_version *version;
	uint64_t since; /* Unix ms, when it was first seen */

	/* frame, unknown; of a pointer on a thread's stack that thread's */
	pid_t tid; /* 0: none */
	char thread[16];
	uint64_t process; /* hw_pid; 0: foreign */

	/* frame: the innermost frame in this version, and all of them */
	struct holder_frame at;
	struct holder_frame *frames; /* malloc'd, innermost first */
	size_t nframes;
	bool looping; /* here for HOLDER_LOOPING_MS */

	/* pointer: where the word lies, and what it points to */
	enum holder_where where;
	bool into_code;      /* else only into its constants or data */
	uintptr_t not_word;  /* where the word lies */
	uintptr_t not_value; /* what it is */
	uintptr_t not_region, not_bias; /* start of the mapping; the object's
					 * load bias if there is one */
	char *object;                   /* malloc'd */

	char message[256]; /* one sentence for a person */
};

/* A version that is asked about, and the short answer. */
struct holders_of {
	const struct hw_mod *mod;
	const struct hw_version *version;
	bool only_data; /* in: purged already; asked about its data alone */
	/* out: something needs its code (a frame, an unknown, a pointer into
	 * it), so it must stay; something points to its constants or data, so
	 * those pages must stay. */
	bool code, data;
	unsigned holders; /* holders_list: how many were listed */
};

#define HOLDERS_VERSIONS 64 /* asked about in one call */

/*
 * Yes or no for N versions, and as soon as may be: threads first, memory only
 * if those are clean; the place where the last holder was found before all.
 * When .code is true nothing was found out about .data. BUSY is asked now and
 * then whether to give up. 0, or -1: given up or it could not be seen; then
 * each version counts as held.
 */
int holders_look(struct holders_of *v, size_t n, bool (*busy)(void *),
		 void *arg);

/* All of them, by name. *LIST is for holders_free. 0, or -1: as above; there
 * may be a list all the same. */
int holders_list(struct holders_of *v, size_t n, struct holder **list,
		 size_t *nlist);
/* The same without names, frames and sentences: kind, mod, version, tid,
 * process and where it points. A thousand holders take a tenth of the time. */
int holders_who(struct holders_of *v, size_t n, struct holder **list,
		size_t *nlist);
void holders_free(struct holder *list, size_t n);

/* The number of threads that hold each (.holders), and which they are, without
 * a search of memory and without names. 0 or -1. */
int holders_threads(struct holders_of *v, size_t n, struct holder **list,
		    size_t *nlist);
int holders_count(struct holders_of *v, size_t n);

/* Whether a word of the program's memory or of a thread's stack is ADDRESS[i]
 * itself, in the arena: a function's stub (at most HOLDERS_VERSIONS). 0, or -1:
 * it could not be seen. */
int holders_words(const uintptr_t *address, size_t n, bool *found);

/* Whether the look just made saw every thread, none of them in a stub, and no
 * table was replaced since it began: then no replaced one is held. */
bool holders_stubs_clear(void);
/* Whether a thread stands in a stub with a pointer into one of these replaced
 * tables. 0, or -1: they all may be held. */
int holders_tables(const struct hw_span *tables, size_t n, bool *held);

#endif
