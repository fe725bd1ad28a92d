/* SPDX-License-Identifier: MIT
 *
 * Names for addresses: which function and line a place in code is, which
 * variable a place in data, from the debug information of the file it lies in,
 * else from its symbol table.
 *
 * Offsets are addresses less the load bias, that is, what the file itself says
 * of the place (and what addr2line takes). One symbolizer belongs to one thread
 * at a time. Results are the caller's.
 */
#ifndef WATCHER_SYMBOLIZE_H
#define WATCHER_SYMBOLIZE_H

#include <stddef.h>
#include <stdint.h>

struct symbolizer;

struct symbolizer *symbolizer_new(void);
void symbolizer_free(struct symbolizer *s); /* NULL is fine */

/* One function that a place lies in; the first of several was inlined into
 * the second, and so on. */
struct symbol_frame {
	char *function;
	char *file; /* absolute if the debug information says so; NULL: not
		     * known */
	int line;   /* 0: not known */
};

struct symbol_frames {
	struct symbol_frame *v;
	size_t n; /* 0: nothing is known of the place */
};

/*
 * What lies at OFFSET of the file OBJECT. A return address is looked up one
 * byte before it, which the caller subtracts: a call may be a function's last
 * instruction.
 */
void symbolize_code(struct symbolizer *s, const char *object, uint64_t offset,
		    struct symbol_frames *out);
void symbol_frames_free(struct symbol_frames *f);

/* "server.el" or "handlers[2].fn" or "buffer+0x18": the variable that OFFSET
 * of the file OBJECT lies in, and where in it. NULL: in none. */
char *symbolize_data(struct symbolizer *s, const char *object, uint64_t offset);

#endif
