/* SPDX-License-Identifier: MIT
 *
 * First fit over sorted ranges. All targets of a round are served by one link,
 * so what is taken in any of them is taken.
 *
 * The size must be known before the link, because lld writes the base into
 * what it links: an upper bound is made from the section headers and verified
 * afterwards. Linking twice (once for the size) would cost 10 ms a save.
 *
 * A range that a target freed is used again. Handing out addresses once only
 * would make a stray pointer's fault certain, but 2 GB is 1 500 saves of a
 * server.c, and somebody's day is longer than that.
 */
#include "watcher/place.h"

#include "codeserver/descriptor.h"
#include "watcher/util.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

void place_take(struct place *p, uint64_t base, uint64_t size)
{
	if (!size)
		return;
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
	}
	p->v[p->n++] = (struct place_range){base, base + place_room(size)};
}

void place_free(struct place *p)
{
	free(p->v);
	*p = (struct place){0};
}

bool place_is_free(const struct place *p, uint64_t base, uint64_t size)
{
	uint64_t end = base + place_room(size);

	for (size_t i = 0; i < p->n; i++)
		if (base < p->v[i].end && p->v[i].base < end)
			return false;
	return true;
}

static int by_base(const void *a, const void *b)
{
	const struct place_range *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

static uint64_t aligned(uint64_t n)
{
	return (n + PLACE_ALIGN - 1) & ~(PLACE_ALIGN - 1);
}

uint64_t place_find(struct place *p, uint64_t size)
{
	uint64_t base = HW_ARENA_BASE,
		 end = HW_ARENA_BASE + HW_ARENA_SIZE - HW_ARENA_OWN;

	size = place_room(size);
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_base);
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].end <= base)
			continue;
		if (p->v[i].base >= base && p->v[i].base - base >= size)
			break;
		base = aligned(p->v[i].end);
	}
	return base < end && end - base >= size ? base : 0;
}

/* Room for what the linker makes of a section's relocations: a PLT entry of
 * 16 bytes, a GOT slot of 8 and a dynamic relocation of 24 for each, at most,
 * and its symbol's entry and name. */
#define PER_RELOCATION 48
#define PER_SYMBOL 40

static uint64_t section_bytes(const Elf64_Shdr *all, size_t n, size_t i)
{
	const Elf64_Shdr *s = &all[i];
	uint64_t align = s->sh_addralign > 16 ? s->sh_addralign : 16;

	if (s->sh_type == SHT_RELA) /* debug information has most of them */
		return s->sh_info < n && all[s->sh_info].sh_flags & SHF_ALLOC
			   ? s->sh_size / sizeof(Elf64_Rela) * PER_RELOCATION
			   : 0;
	if (s->sh_type == SHT_SYMTAB)
		return s->sh_size / sizeof(Elf64_Sym) * PER_SYMBOL;
	if (s->sh_type == SHT_STRTAB)
		return s->sh_size;
	return s->sh_flags & SHF_ALLOC ? s->sh_size + align : 0;
}

/* The section headers of an object of LEN bytes (malloc'd), or NULL. */
static Elf64_Shdr *section_headers(const char *data, size_t len, size_t *n)
{
	Elf64_Ehdr h;
	Elf64_Shdr first, *all;

	if (len < sizeof(h) || memcmp(data, ELFMAG, SELFMAG) != 0)
		return NULL;
	memcpy(&h, data, sizeof(h));
	if (h.e_shentsize != sizeof(first) || h.e_shoff > len ||
	    len - h.e_shoff < sizeof(first))
		return NULL;
	memcpy(&first, data + h.e_shoff, sizeof(first));
	*n = h.e_shnum ? h.e_shnum : first.sh_size; /* over 65279 sections */
	if (*n > (len - h.e_shoff) / sizeof(first))
		return NULL;
	all = xmalloc(*n * sizeof(*all));
	memcpy(all, data + h.e_shoff, *n * sizeof(*all));
	return all;
}

uint64_t place_estimate(const char *path, char **err)
{
	uint64_t total = 0x10000; /* headers, segments' rounding, hashes */
	Elf64_Shdr *all;
	size_t len, n;
	char *data;

	if (file_read(path, &data, &len, err) < 0)
		return 0;
	all = section_headers(data, len, &n);
	free(data);
	if (!all) {
		fail(err, "%s: not a whole ELF object", path);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		total += section_bytes(all, n, i);
	free(all);
	return aligned(total);
}
