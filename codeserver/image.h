/* SPDX-License-Identifier: MIT
 *
 * A module's shared object: from a file that nobody vouches for to an image in
 * the arena, and out again.
 */
#ifndef HW_IMAGE_H
#define HW_IMAGE_H

#include "codeserver/guest.h"

/* A file that has been looked at and found whole. */
struct hw_checked {
	const char *file;
	const unsigned char *map; /* our private copy; NULL: not checked */
	size_t len;
	uintptr_t base;
	size_t size;
	const struct hw_module *desc; /* in the map: names, sizes, types; its
				       * addresses mean nothing yet */
	uintptr_t desc_addr;          /* where it will be, less the bias */
	struct hw_span spans[HW_SPANS];
	size_t nspans;
	const void *types; /* for layout_open, in the map; NULL: it has none */
	size_t types_size;
};

/* Refuses what is missing (nofile), and what is not a whole object of ours for
 * this machine, of this ABI, for module MODULE (badfile). Nothing is loaded. */
int image_check(struct hw_checked *c, const char *file, const char *module,
		struct hw_failure *f);
/* The same of SIZE bytes that are called FILE. */
int image_check_data(struct hw_checked *c, const char *file, const void *data,
		     size_t size, const char *module, struct hw_failure *f);
void image_unmap(struct hw_checked *c);

/* Forgets the addresses it is to have, but not what it says: they would look
 * like pointers to the image that is there. */
static inline void image_forget(struct hw_checked *c)
{
	c->base = c->desc_addr = 0;
	for (size_t i = 0; i < HW_SPANS; i++)
		c->spans[i] = (struct hw_span){0};
	c->nspans = 0;
}

/*
 * Maps it at its base; `misplaced` if that is taken. No code of it runs. COPY:
 * what was checked is mapped from a copy in memory, not from the file: there is
 * none, or it is another one by now.
 */
int image_open(struct hw_image *i, const struct hw_checked *c, bool copy,
	       struct hw_failure *f);
void image_close(struct hw_image *i);

/* An image that the dynamic linker loaded at the start. */
int image_of_start(struct hw_image *i, const struct hw_module *desc,
		   const char *file);

/* The symbol that a relocation names, or NULL. */
static inline const char *image_symbol(const struct hw_image *i,
				       const ElfW(Rela) * r)
{
	return ELF64_R_SYM(r->r_info)
		   ? i->strtab + i->symtab[ELF64_R_SYM(r->r_info)].st_name
		   : NULL;
}

/* The pages of its code: made inaccessible, and accessible again. Bytes, or
 * -1: mprotect refused. */
long image_fence(const struct hw_image *i);
long image_unfence(const struct hw_image *i);

static inline bool image_has(const struct hw_image *i, uintptr_t addr)
{
	return addr >= i->base && addr < i->base + i->size;
}

/* Whether ADDR is in its code, beyond the first byte (see span_add). */
static inline bool image_code_has(const struct hw_image *i, uintptr_t addr)
{
	return addr - i->base > i->code.from && addr - i->base < i->code.to;
}

#endif
