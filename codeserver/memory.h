/* SPDX-License-Identifier: MIT
 *
 * Reading the program's memory while it runs on, and searching all of it that
 * can be written for words that point to a suspect (snapshot.h).
 */
#ifndef HW_MEMORY_H
#define HW_MEMORY_H

#include <sys/uio.h>

#include "codeserver/guest.h"

/* Copies N bytes from AT; where they are not mapped it fails, where a plain
 * load would kill. 0 or -1. */
/* The N pieces FROM, one after the other, which are SIZE bytes. 0, or -1: not
 * all of it could be read. */
int memory_gather(const struct iovec *from, size_t n, void *to, size_t size);
int memory_peek(uintptr_t at, void *to, size_t n);

/* Whether the program has a sanitizer, which keeps in its memory from where
 * each allocation was made. */
bool memory_sanitized(void);

struct memory_search {
	/* A word at AT that points to a suspect; MANGLED: as in a jmp_buf.
	 * False: enough, end the search. */
	bool (*hit)(void *arg, uintptr_t at, uintptr_t word, bool mangled);
	/* Asked now and then whether to give up; may be NULL. */
	bool (*busy)(void *busy_arg);
	void *arg, *busy_arg;
	/* Memory that is passed over, in order of address. */
	const struct hw_span *skip;
	size_t nskip;
};

/* Of what maps.h knows, so after maps_read. 0 (also when HIT ended it), or -1:
 * given up, or memory could not be read; then what was hit is not all. */
int memory_search(const struct memory_search *s);

#endif
