/* SPDX-License-Identifier: MIT
 *
 * A leaf is changed by compare-and-swap of the aligned words that it lies in,
 * under a mask: so one way serves for all widths, for bit-fields and for
 * members of packed structs, a store of the program's to its neighbours is
 * never undone, and one to the leaf itself is never lost: whichever comes
 * second stays. An aligned word that holds a byte of a variable is mapped as a
 * whole.
 *
 * Out of the sanitizers' sight, as all that touches the program's memory.
 */
#include "codeserver/leaf.h"

/* The part of a leaf in one aligned word: which bits, and those of a copy of
 * the variable, shifted into place. */
struct piece {
	uint64_t *word;
	uint64_t mask;
	uint64_t skip;     /* bytes of the leaf before this piece */
	unsigned first, n; /* bytes of the word */
};

static uint64_t piece_of(const struct piece *p, const unsigned char *leaf)
{
	const volatile unsigned char *b = leaf;
	uint64_t v = 0;

	for (unsigned i = 0; i < p->n; i++)
		v |= (uint64_t)b[p->skip + i] << 8 * (p->first + i);
	return v & p->mask;
}

/* Bits FROM to TO of the leaf, counted from its first byte's first. */
static uint64_t piece_mask(const struct leaf *l, const struct piece *p)
{
	uint64_t mask = 0, from = l->bit,
		 to = l->bits ? from + l->bits : 8 * l->size;

	for (unsigned i = 0; i < p->n; i++)
		for (unsigned k = 0; k < 8; k++) {
			uint64_t bit = 8 * (p->skip + i) + k;

			if (bit >= from && bit < to)
				mask |= 1ull << (8 * (p->first + i) + k);
		}
	return mask;
}

/* The piece that begins SKIP bytes into the leaf. */
static struct piece piece_at(const struct leaf *l, unsigned char *live,
			     uint64_t skip)
{
	uintptr_t at = (uintptr_t)live + l->at + skip;
	struct piece p = {.word = (uint64_t *)(at & ~7ul),
			  .skip = skip,
			  .first = at & 7};
	uint64_t left = l->size - skip;

	p.n = 8 - p.first < left ? 8 - p.first : (unsigned)left;
	p.mask = l->bits    ? piece_mask(l, &p)
		 : p.n == 8 ? UINT64_MAX
			    : ((1ull << 8 * p.n) - 1) << 8 * p.first;
	return p;
}

static bool piece_swap(const struct piece *p, uint64_t from, uint64_t to)
{
	uint64_t now = __atomic_load_n(p->word, __ATOMIC_RELAXED);

	do {
		if ((now & p->mask) != from)
			return false;
	} while (!__atomic_compare_exchange_n(p->word, &now,
					      (now & ~p->mask) | to, false,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return true;
}

/* Pieces up to END bytes into the leaf; how far it came. */
static uint64_t pieces_swap(const struct leaf *l, unsigned char *live,
			    const unsigned char *from, const unsigned char *to,
			    uint64_t end)
{
	uint64_t skip = 0;

	while (skip < end) {
		struct piece p = piece_at(l, live, skip);

		if (!piece_swap(&p, piece_of(&p, from + l->at),
				piece_of(&p, to + l->at)))
			break;
		skip += p.n;
	}
	return skip;
}

bool leaf_equal(const struct leaf *l, const unsigned char *a,
		const unsigned char *b)
{
	for (uint64_t skip = 0; skip < l->size;) {
		struct piece p =
		    piece_at(l, (unsigned char *)(uintptr_t)a, skip);

		if (piece_of(&p, a + l->at) != piece_of(&p, b + l->at))
			return false;
		skip += p.n;
	}
	return true;
}

bool leaf_swap(const struct leaf *l, unsigned char *live,
	       const unsigned char *from, const unsigned char *to)
{
	uint64_t done;

	if (!leaf_equal(l, live, from)) /* a long one is not begun in vain */
		return false;
	done = pieces_swap(l, live, from, to, l->size);
	if (done < l->size)
		pieces_swap(l, live, to, from, done);
	return done == l->size;
}
