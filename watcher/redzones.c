/* SPDX-License-Identifier: MIT
 *
 * AddressSanitizer makes each variable larger, by a redzone behind it that must
 * not be touched, and the symbol has that size. Everything here speaks of the
 * variable: what is told of it, what code_change is given, what is copied when
 * it moves, and what is compared with the debug information. So the symbols of
 * an object get the sizes of their variables as soon as it has been read.
 *
 * They are in the array of descriptions that the object registers when it is
 * begun: eight words each, the variable's address, its size, its size with the
 * redzone. Rejected: the size of the type, which does not tell a flexible array
 * member that is initialized from a redzone.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher/object-internal.h"

#define ENTRY 64 /* bytes of a description */

struct zone {
	uint32_t shndx;
	uint64_t offset, size, whole;
};

static int zone_compare(const void *a, const void *b)
{
	const struct zone *x = a, *y = b;

	if (x->shndx != y->shndx)
		return x->shndx < y->shndx ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The descriptions in section S; their relocations are in range. */
static void zones_read(const struct object *o, const struct section *s,
		       struct zone **v, size_t *n)
{
	const Elf64_Rela *r = (const Elf64_Rela *)o->sec[s->rela].data;
	size_t count = o->sec[s->rela].sh->sh_size / sizeof(*r);

	*v = xrealloc(*v, (*n + count) * sizeof(**v));
	for (size_t i = 0; i < count; i++) {
		const Elf64_Sym *sym = &o->syms[ELF64_R_SYM(r[i].r_info)];
		struct zone *z = &(*v)[*n];

		if (r[i].r_offset % ENTRY ||
		    s->sh->sh_size - r[i].r_offset < ENTRY)
			continue;
		z->shndx = sym->st_shndx;
		z->offset = sym->st_value + (uint64_t)r[i].r_addend;
		memcpy(&z->size, s->data + r[i].r_offset + 8, 8);
		memcpy(&z->whole, s->data + r[i].r_offset + 16, 8);
		++*n;
	}
}

void redzones_forget(struct object *o)
{
	struct zone *v = NULL, *z;
	size_t n = 0;

	for (size_t i = 1; i < o->nsec; i++)
		if (!strcmp(o->sec[i].name, "asan_globals") && o->sec[i].data &&
		    o->sec[i].rela)
			zones_read(o, &o->sec[i], &v, &n);
	if (n)
		qsort(v, n, sizeof(*v), zone_compare);
	for (uint32_t i = 1; n && i < o->nsyms; i++) {
		Elf64_Sym *s = &o->syms[i];
		struct zone key = {s->st_shndx, s->st_value, 0, 0};

		if (ELF64_ST_TYPE(s->st_info) != STT_OBJECT)
			continue;
		z = bsearch(&key, v, n, sizeof(*v), zone_compare);
		if (z && z->whole == s->st_size && z->size < z->whole)
			s->st_size = z->size;
	}
	free(v);
}
