/* SPDX-License-Identifier: MIT
 *
 * A linked object as a file: its sections, what it needs of others, what its
 * data points to, and its bytes as they will be mapped. What they mean is
 * check-image.c's.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

/* --- sections ------------------------------------------------------------- */

Elf_Scn *check_section(const struct check_image *im, const char *name,
		       Elf64_Shdr *sh)
{
	Elf_Scn *scn = NULL;
	size_t names;

	*sh = (Elf64_Shdr){0};
	if (elf_getshdrstrndx(im->elf, &names) < 0)
		return NULL;
	while ((scn = elf_nextscn(im->elf, scn)) != NULL) {
		Elf64_Shdr *h = elf64_getshdr(scn);
		const char *s = h ? elf_strptr(im->elf, names, h->sh_name) : "";

		if (s && !strcmp(s, name)) {
			*sh = *h;
			return scn;
		}
	}
	return NULL;
}

/* The content of a section, in the file; NULL: it has none. */
const void *check_content(const struct check_image *im, const char *name,
			  size_t *size)
{
	Elf64_Shdr sh;

	*size = 0;
	if (!check_section(im, name, &sh) || sh.sh_type == SHT_NOBITS ||
	    sh.sh_offset > im->len || sh.sh_size > im->len - sh.sh_offset)
		return NULL;
	*size = sh.sh_size;
	return im->data + sh.sh_offset;
}

/* The string of section NAME that contains MARK. malloc'd, or NULL. */
char *check_string_with(const struct check_image *im, const char *name,
			const char *mark)
{
	size_t len;
	const char *p = check_content(im, name, &len),
		   *end = p ? p + len : NULL;

	for (; p && p < end; p += strnlen(p, end - p) + 1) {
		char *s = xstrndup(p, strnlen(p, end - p));

		if (strstr(s, mark))
			return s;
		free(s);
	}
	return NULL;
}

/* --- symbols and relocations ---------------------------------------------- */

struct symbols {
	Elf_Data *data;
	size_t n, strings;
};

static void symbols_open(const struct check_image *im, struct symbols *s)
{
	Elf64_Shdr sh;
	Elf_Scn *scn = check_section(im, ".dynsym", &sh);

	s->data = scn ? elf_getdata(scn, NULL) : NULL;
	s->n = s->data ? sh.sh_size / sizeof(Elf64_Sym) : 0;
	s->strings = sh.sh_link;
}

static const char *symbol_name(const struct check_image *im,
			       const struct symbols *s, size_t i,
			       bool *undefined)
{
	const char *name;
	GElf_Sym sym;

	if (i >= s->n || !gelf_getsym(s->data, (int)i, &sym))
		return NULL;
	*undefined = sym.st_shndx == SHN_UNDEF;
	name = elf_strptr(im->elf, s->strings, sym.st_name);
	return name && *name ? name : NULL;
}

void check_undefined_read(struct check_image *im)
{
	struct symbols s;

	symbols_open(im, &s);
	for (size_t i = 1; i < s.n; i++) {
		bool undefined;
		const char *name = symbol_name(im, &s, i, &undefined);

		if (name && undefined)
			strmap_put(&im->undefined, name, im);
	}
}

static int by_place(const void *a, const void *b)
{
	uint64_t x = ((const struct check_reloc *)a)->at;
	uint64_t y = ((const struct check_reloc *)b)->at;

	return (x > y) - (x < y);
}

void check_relocs_read(struct check_image *im)
{
	size_t len;
	const Elf64_Rela *r = check_content(im, ".rela.dyn", &len);
	struct symbols s;

	symbols_open(im, &s);
	im->relocs = xcalloc(len / sizeof(*r) + 1, sizeof(*im->relocs));
	for (size_t i = 0; i < len / sizeof(*r); i++) {
		size_t sym = ELF64_R_SYM(r[i].r_info);
		bool undefined;

		im->relocs[im->nrelocs++] = (struct check_reloc){
		    .at = r[i].r_offset,
		    .addend = (uint64_t)r[i].r_addend,
		    .symbol = sym ? symbol_name(im, &s, sym, &undefined) : NULL,
		};
	}
	qsort(im->relocs, im->nrelocs, sizeof(*im->relocs), by_place);
}

const struct check_reloc *check_reloc_from(const struct check_image *im,
					   uint64_t addr)
{
	size_t lo = 0, hi = im->nrelocs;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (im->relocs[mid].at < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &im->relocs[lo];
}

const unsigned char *check_bytes_from(const struct check_image *im,
				      uint64_t addr, size_t *n)
{
	for (size_t i = 0; i < im->nph; i++) {
		const Elf64_Phdr *ph = &im->ph[i];
		uint64_t at = addr - ph->p_vaddr;

		if (ph->p_type != PT_LOAD || addr < ph->p_vaddr ||
		    at >= ph->p_filesz || ph->p_offset > im->len ||
		    ph->p_filesz > im->len - ph->p_offset)
			continue;
		*n = ph->p_filesz - at;
		return im->data + ph->p_offset + at;
	}
	*n = 0;
	return NULL;
}

const unsigned char *check_bytes(const struct check_image *im, uint64_t addr,
				 uint64_t size)
{
	size_t n;
	const unsigned char *s = check_bytes_from(im, addr, &n);

	return size <= n ? s : NULL;
}
