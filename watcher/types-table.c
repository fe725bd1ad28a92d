/* SPDX-License-Identifier: MIT
 *
 * The types of one object, each kept once: a pointer to a struct is described
 * as often as a qualifier or a typedef stands between, and a struct once in
 * each unit of a module that consists of several. What has no name is found
 * again by what it is made of (types_like), so parts come before wholes; named
 * structs, unions and enums are found by their debugging entry, because they
 * may contain themselves, and brought together at the end (types-hash.c).
 *
 * Tables are indexed by hashes, open addressing, never more than half full.
 */
#include "watcher/types.h"

#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"

static uint32_t slot_first(uint64_t hash, uint32_t cap)
{
	return (uint32_t)(hash >> 32) & (cap - 1);
}

/* --- strings -------------------------------------------------------------- */

static uint32_t *string_slot(struct types *t, const char *s)
{
	uint64_t hash = hw_checksum(7, s, strlen(s));
	uint32_t i = slot_first(hash, t->capstrings);

	while (t->by_string[i] && strcmp(t->strings.s + t->by_string[i] - 1, s))
		i = (i + 1) & (t->capstrings - 1);
	return &t->by_string[i];
}

static void strings_grow(struct types *t)
{
	const char *s = t->strings.s;

	free(t->by_string);
	t->capstrings = t->capstrings ? t->capstrings * 2 : 1024;
	t->by_string = xcalloc(t->capstrings, sizeof(uint32_t));
	for (size_t at = 0; at < t->strings.len; at += strlen(s + at) + 1)
		*string_slot(t, s + at) = (uint32_t)at + 1;
}

uint32_t types_string(struct types *t, const char *s)
{
	uint32_t *slot;

	if (!s)
		s = "";
	if (t->nstrings * 2 >= t->capstrings)
		strings_grow(t);
	slot = string_slot(t, s);
	if (*slot)
		return *slot - 1;
	*slot = (uint32_t)t->strings.len + 1;
	t->nstrings++;
	text_add(&t->strings, s, strlen(s) + 1);
	return *slot - 1;
}

/* --- types ---------------------------------------------------------------- */

/* FIRST is where its parts happen to lie, so it does not count. */
static uint64_t type_hash(const struct types *t, const struct layout_type *type)
{
	struct layout_type flat = *type;
	uint64_t h;

	flat.first = 0;
	h = hw_checksum(3, &flat, sizeof(flat));
	if (type->kind != LAYOUT_FUNCTION || !type->count)
		return h;
	return hw_checksum(h, t->parts + type->first,
			   type->count * sizeof(*t->parts));
}

static bool type_equal(const struct types *t, const struct layout_type *a,
		       const struct layout_type *b)
{
	struct layout_type x = *a, y = *b;

	x.first = y.first = 0;
	return !memcmp(&x, &y, sizeof(x)) &&
	       (a->kind != LAYOUT_FUNCTION ||
		!memcmp(t->parts + a->first, t->parts + b->first,
			a->count * sizeof(*t->parts)));
}

static uint32_t *type_slot(struct types *t, const struct layout_type *type)
{
	uint32_t i = slot_first(type_hash(t, type), t->captypes);

	while (t->by_type[i] &&
	       !type_equal(t, &t->types[t->by_type[i] - 1], type))
		i = (i + 1) & (t->captypes - 1);
	return &t->by_type[i];
}

static bool is_unique(const struct layout_type *type)
{
	return type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION ||
	       type->kind == LAYOUT_ENUM;
}

static void types_grow(struct types *t)
{
	free(t->by_type);
	t->captypes = t->captypes ? t->captypes * 2 : 1024;
	t->by_type = xcalloc(t->captypes, sizeof(uint32_t));
	for (uint32_t i = 0; i < t->n; i++)
		if (!is_unique(&t->types[i]))
			*type_slot(t, &t->types[i]) = i + 1;
}

uint32_t types_new(struct types *t, const struct layout_type *type)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 512;
		t->types = xrealloc(t->types, t->cap * sizeof(*t->types));
	}
	t->types[t->n] = *type;
	return t->n++;
}

static uint32_t parts_add(struct types *t, const struct layout_part *p,
			  size_t n)
{
	uint32_t first = t->nparts;

	if (t->nparts + n > t->capparts) {
		t->capparts = (uint32_t)(t->nparts + n) * 2;
		t->parts = xrealloc(t->parts, t->capparts * sizeof(*t->parts));
	}
	if (n)
		memcpy(t->parts + first, p, n * sizeof(*p));
	t->nparts += (uint32_t)n;
	return first;
}

void types_parts_set(struct types *t, uint32_t type,
		     const struct layout_part *parts, size_t n)
{
	t->types[type].first = parts_add(t, parts, n);
	t->types[type].count = n;
}

uint32_t types_like(struct types *t, struct layout_type type,
		    const struct layout_part *parts, size_t n)
{
	uint32_t *slot;

	if (t->ntypes * 2 >= t->captypes)
		types_grow(t);
	if (type.kind == LAYOUT_FUNCTION) {
		type.first = parts_add(t, parts, n);
		type.count = n;
	}
	slot = type_slot(t, &type);
	if (*slot) {
		t->nparts -= (uint32_t)n;
		return *slot - 1;
	}
	*slot = types_new(t, &type) + 1;
	t->ntypes++;
	return *slot - 1;
}

/* --- debugging entries ---------------------------------------------------- */

static uint32_t *die_slot(struct types *t, const void *key)
{
	uint64_t hash = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15ull;
	uint32_t i = slot_first(hash, t->capdies);

	while (t->by_die[i] && t->dies[t->by_die[i] - 1].key != key)
		i = (i + 1) & (t->capdies - 1);
	return &t->by_die[i];
}

static void dies_grow(struct types *t)
{
	free(t->by_die);
	t->capdies = t->capdies ? t->capdies * 2 : 1024;
	t->by_die = xcalloc(t->capdies, sizeof(uint32_t));
	for (uint32_t i = 0; i < t->ndie; i++)
		*die_slot(t, t->dies[i].key) = i + 1;
}

struct types_die *types_die(struct types *t, const void *key)
{
	uint32_t *slot;

	if (t->ndie * 2 >= t->capdies)
		dies_grow(t);
	slot = die_slot(t, key);
	if (*slot)
		return &t->dies[*slot - 1];
	if (t->ndie == t->capdie) {
		t->capdie = t->capdie ? t->capdie * 2 : 512;
		t->dies = xrealloc(t->dies, t->capdie * sizeof(*t->dies));
	}
	t->dies[t->ndie] = (struct types_die){.key = key};
	*slot = ++t->ndie;
	return &t->dies[t->ndie - 1];
}

void types_begin(struct types *t)
{
	*t = (struct types){.capparts = 64};
	t->parts = xcalloc(t->capparts, sizeof(*t->parts));
	types_string(t, "");
	types_new(t, &(struct layout_type){.kind = LAYOUT_NONE});
	types_new(t, &(struct layout_type){.kind = LAYOUT_NOTHING});
}

void types_end(struct types *t)
{
	text_free(&t->strings);
	free(t->types);
	free(t->parts);
	free(t->by_string);
	free(t->by_type);
	free(t->by_die);
	free(t->dies);
	free(t->todo);
}
