/* SPDX-License-Identifier: MIT
 *
 * One leaf of a live variable, that the program may be writing.
 */
#ifndef HW_LEAF_H
#define HW_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codeserver/layout.h"

struct leaf {
	uint64_t at; /* bytes from the variable's first */
	uint64_t size;
	uint8_t bit;   /* of a bit-field: its first bit in the first byte */
	uint16_t bits; /* 0: whole bytes */
};

static inline struct leaf leaf_of(const struct plan_side *s, uint64_t at)
{
	return (struct leaf){at, s->size, s->bit, s->bits};
}

/* Whether two variables have the same there. */
bool leaf_equal(const struct leaf *l, const unsigned char *a,
		const unsigned char *b);

/*
 * LIVE's leaf becomes that of TO if it is that of FROM, and if nobody writes it
 * meanwhile: whether it did. One longer than eight bytes goes word by word; if
 * a word turns out to be written, those before are put back.
 */
bool leaf_swap(const struct leaf *l, unsigned char *live,
	       const unsigned char *from, const unsigned char *to);

#endif
