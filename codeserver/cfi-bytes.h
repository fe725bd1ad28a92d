/* SPDX-License-Identifier: MIT
 *
 * Bytes of call frame information, read one after the other.
 */
#ifndef HW_CFI_BYTES_H
#define HW_CFI_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* `bad` once it ran over the end: then all it gives is 0. */
struct cursor {
	const unsigned char *at, *end;
	uintptr_t address; /* of *at in the object */
	bool bad;
};

static inline uint64_t take(struct cursor *c, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->at) < n) {
		c->bad = true;
		return 0;
	}
	memcpy(&v, c->at, n);
	c->at += n;
	c->address += n;
	return v;
}

/* A LEB128 number. *SIGN: the bits above it if it is a negative one. */
static inline uint64_t take_leb(struct cursor *c, uint64_t *sign)
{
	uint64_t v = 0, b;
	unsigned shift = 0;

	do {
		b = take(c, 1);
		if (shift < 64)
			v |= (b & 127) << shift;
		shift += 7;
	} while ((b & 128) && !c->bad);
	*sign = shift < 64 && (b & 64) ? ~0ull << shift : 0;
	return v;
}

static inline uint64_t take_uleb(struct cursor *c)
{
	uint64_t sign;

	return take_leb(c, &sign);
}

static inline int64_t take_sleb(struct cursor *c)
{
	uint64_t sign, v = take_leb(c, &sign);

	return (int64_t)(v | sign);
}

#endif
