/* SPDX-License-Identifier: MIT
 *
 * A version that was loaded later than the start never uses its own copy of a
 * variable that can be written: its code was bound to the storage that was
 * there, or to a new one. So its copy stays as it was bound, and is the base.
 *
 * A version of the start lives in its copy. Its initial image is made anew when
 * it is first wanted, so that a start costs nothing: the data in its file, with
 * the relocations applied as the dynamic linker did then. Functions' names mean
 * stubs, which never move; a name that is not of the program's modules means
 * what the dynamic linker says now.
 *
 * Rejected: a copy of all data at the start (Redis: 127 modules for the one
 * that is edited); one at each load (it doubles a table of 64 MB, where an
 * image's own copy of zeros is no memory at all).
 */
#include "codeserver/base.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#include "codeserver/arena.h"

static const Elf64_Phdr *segments(const struct base *b, int *n)
{
	const unsigned char *at = b->image->handle
				      ? (const unsigned char *)b->image->base
				      : b->file.map;
	const Elf64_Ehdr *e = (const void *)at;

	*n = e->e_phnum;
	return (const void *)(at + e->e_phoff);
}

/* Where SIZE bytes at address ADDR (of the object, without bias) are in the
 * file; 0: they begin beyond what it has of the segment. */
static uint64_t file_offset(const struct base *b, uint64_t addr, uint64_t size)
{
	const Elf64_Phdr *ph;
	int n;

	ph = segments(b, &n);
	for (int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && addr >= ph[i].p_vaddr &&
		    addr + size <= ph[i].p_vaddr + ph[i].p_filesz)
			return ph[i].p_offset + (addr - ph[i].p_vaddr);
	return 0;
}

/* What the dynamic linker wrote there, or would. */
static uint64_t relocated(const struct hw_image *i, const ElfW(Rela) * r,
			  const struct hw_names *names)
{
	const ElfW(Sym) *sym = &i->symtab[ELF64_R_SYM(r->r_info)];
	const char *name = image_symbol(i, r);
	int64_t index = name ? names->func(name, names->arg) : -1;
	void *at = index >= 0 ? stub_addr((uint32_t)index) : NULL;

	if (!name)
		return i->addr + (uint64_t)r->r_addend;
	if (!at)
		at = names->var(name, names->arg);
	if (!at)
		at = dlsym(RTLD_DEFAULT, name);
	if (!at && sym->st_shndx != SHN_UNDEF)
		at = (void *)(i->addr + sym->st_value);
	return (uintptr_t)at + (uint64_t)r->r_addend;
}

/* Only in what the file has of writable segments: the rest is not asked for. */
static int file_relocate(struct base *b, const struct hw_names *names)
{
	const struct hw_image *i = b->image;
	void *map = (void *)(uintptr_t)b->file.map;

	if (mprotect(map, b->file.len, PROT_READ | PROT_WRITE) < 0)
		return -1;
	for (size_t k = 0; k < i->nrela; k++) {
		uint64_t at = file_offset(b, i->rela[k].r_offset, 8), value;

		if (!at || at + 8 > b->file.len)
			continue;
		value = relocated(i, &i->rela[k], names);
		memcpy((char *)map + at, &value, 8);
	}
	return mprotect(map, b->file.len, PROT_READ);
}

int base_open(struct base *b, const struct hw_version *v,
	      const struct hw_names *names)
{
	const struct hw_module *d = v->image.desc;
	struct hw_failure ignored;

	*b = (struct base){.image = &v->image};
	if (v->image.handle)
		return 0;
	if (image_check(&b->file, v->image.file, desc_str(d, d->name),
			&ignored) == 0 &&
	    !memcmp(b->file.desc->hash, d->hash, HW_HASH_SIZE) &&
	    b->file.desc->checksum == d->checksum &&
	    file_relocate(b, names) == 0) {
		image_forget(&b->file);
		return 0;
	}
	base_close(b);
	return -1;
}

void base_close(struct base *b)
{
	if (b->image && !b->image->handle)
		image_unmap(&b->file);
	*b = (struct base){0};
}

/* Pages that take no memory. */
const unsigned char *base_zeros(size_t size)
{
	static unsigned char *all;
	static size_t n;
	void *p;

	if (size <= n)
		return all;
	size = (2 * size + 4095) & ~4095ul;
	p = mmap(NULL, size, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	all = p; /* a smaller one stays: somebody may be reading it */
	n = size;
	return all;
}

const unsigned char *base_bytes(const struct base *b, const struct hw_var *var,
				bool *zero)
{
	const unsigned char *live = desc_at(&var->addr);
	uint64_t at;

	*zero = false;
	if (!var->addr) { /* common */
		*zero = true;
		return base_zeros(var->size);
	}
	at = file_offset(b, (uintptr_t)live - b->image->addr, var->size);
	*zero = !at;
	if (b->image->handle)
		return live;
	return at ? b->file.map + at : base_zeros(var->size);
}

const struct hw_var *base_var(const struct hw_module *d, const char *id,
			      uint32_t *hint)
{
	const struct hw_var *v = desc_vars(d);

	for (uint32_t i = 0; i < d->nvars; i++) {
		uint32_t k = (*hint + i) % d->nvars;

		if (strcmp(desc_str(d, v[k].name), id))
			continue;
		*hint = k + 1;
		return &v[k];
	}
	return NULL;
}
