/* SPDX-License-Identifier: MIT
 *
 * Numbers as they lie in memory, of any width and sign, bit-fields too, brought
 * to one form and back. What does not fit where it goes is not stored: C would
 * cut it off, and nobody would know.
 *
 * A float that becomes a double and back is the same again; a double that
 * becomes a float is rounded, as the new code would round it, but a finite one
 * stays finite. Between integers and floats nothing is rounded.
 */
#include <string.h>

#include "codeserver/layout.h"

static unsigned bits_of(const struct plan_side *s)
{
	return s->bits ? s->bits : (unsigned)s->size * 8;
}

/* --- integers ------------------------------------------------------------- */

static unsigned __int128 bits_load(const struct plan_side *s,
				   const unsigned char *p)
{
	unsigned __int128 v = 0;

	if (!s->bits) {
		memcpy(&v, p, s->size <= sizeof(v) ? s->size : sizeof(v));
		return v;
	}
	for (unsigned i = 0, at = s->bit; i < s->bits; i++, at++)
		v |= (unsigned __int128)(p[at / 8] >> at % 8 & 1) << i;
	return v;
}

static void bits_store(const struct plan_side *s, unsigned char *p,
		       unsigned __int128 v)
{
	if (!s->bits) {
		memcpy(p, &v, s->size <= sizeof(v) ? s->size : sizeof(v));
		return;
	}
	for (unsigned i = 0, at = s->bit; i < s->bits; i++, at++) {
		unsigned char bit = (unsigned char)(1u << at % 8);

		if (v >> i & 1)
			p[at / 8] |= bit;
		else
			p[at / 8] &= (unsigned char)~bit;
	}
}

static struct layout_number integer_load(const struct plan_side *s,
					 const void *at)
{
	unsigned __int128 v = bits_load(s, at);
	unsigned unused = 128 - bits_of(s);
	struct layout_number n = {.i = (__int128)v};

	if (s->sign)
		n.i = (__int128)(v << unused) >> unused;
	else
		n.huge = v >> 127;
	return n;
}

static bool integer_fits(const struct plan_side *s, bool is_bool,
			 struct layout_number n)
{
	unsigned bits = bits_of(s);

	if (n.huge)
		return bits == 128 && !s->sign;
	if (is_bool)
		return n.i == 0 || n.i == 1;
	if (n.i < 0)
		return s->sign && n.i >> (bits - 1) == -1;
	bits -= s->sign;
	return bits > 126 || n.i >> bits == 0;
}

/* --- floats --------------------------------------------------------------- */

static struct layout_number float_load(const struct plan_side *s,
				       const void *at)
{
	struct layout_number n = {.is_float = true};
	double d;
	float f;

	if (s->size == sizeof(f)) {
		memcpy(&f, at, sizeof(f));
		n.f = (long double)f;
	} else if (s->size == sizeof(d)) {
		memcpy(&d, at, sizeof(d));
		n.f = (long double)d;
	} else {
		memcpy(&n.f, at, sizeof(n.f));
	}
	return n;
}

/* F as it would be in SIZE bytes. */
static long double rounded(long double f, uint64_t size)
{
	if (size == sizeof(float))
		return (long double)(float)f;
	return size == sizeof(double) ? (long double)(double)f : f;
}

static void float_put(const struct plan_side *s, void *at, long double f)
{
	float narrow = (float)f;
	double middle = (double)f;

	if (s->size == sizeof(narrow))
		memcpy(at, &narrow, sizeof(narrow));
	else if (s->size == sizeof(middle))
		memcpy(at, &middle, sizeof(middle));
	else
		memcpy(at, &f, sizeof(f));
}

static bool float_store(const struct plan_side *s, void *at,
			struct layout_number n)
{
	long double f = n.is_float ? n.f : (long double)n.i;
	long double there = rounded(f, s->size);
	bool finite = !__builtin_isinf(f) && !__builtin_isnan(f);

	if (n.is_float ? finite && __builtin_isinf(there)
		       : n.huge || there >= 0x1p127L || (__int128)there != n.i)
		return false;
	float_put(s, at, f);
	return true;
}

/* --- any number ----------------------------------------------------------- */

struct layout_number layout_load(const struct layout *l,
				 const struct plan_side *side, const void *at)
{
	return l->types[side->type].kind == LAYOUT_FLOAT
		   ? float_load(side, at)
		   : integer_load(side, at);
}

bool layout_store(const struct layout *l, const struct plan_side *side,
		  void *at, struct layout_number n)
{
	const struct layout_type *t = &l->types[side->type];

	if (t->kind == LAYOUT_FLOAT)
		return float_store(side, at, n);
	if (n.is_float) { /* also false of what is not a number */
		if (!(n.f >= -0x1p127L && n.f < 0x1p127L) ||
		    (long double)(__int128)n.f != n.f)
			return false;
		n.i = (__int128)n.f;
	}
	if (!integer_fits(side, t->flags & LAYOUT_BOOL, n))
		return false;
	bits_store(side, at, (unsigned __int128)n.i);
	return true;
}
