/* SPDX-License-Identifier: MIT
 *
 * Where a symbol of a file lies, for tests that ask about that place.
 */
#ifndef TESTS_ELF_SYMBOL_H
#define TESTS_ELF_SYMBOL_H

#include "tests/unit/check.h"

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

static inline void elf_symbol_in(Elf *elf, Elf_Scn *scn, const char *name,
				 GElf_Sym *found)
{
	GElf_Shdr sh;
	GElf_Sym sym;

	if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
		return;
	for (int i = 0; gelf_getsym(elf_getdata(scn, NULL), i, &sym); i++) {
		const char *s = elf_strptr(elf, sh.sh_link, sym.st_name);

		if (s && !strcmp(s, name))
			*found = sym;
	}
}

/* The value, and in *size (may be NULL) the size, of NAME in FILE. */
static inline uint64_t elf_symbol(const char *file, const char *name,
				  uint64_t *size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_version(EV_CURRENT) != EV_NONE
		       ? elf_begin(fd, ELF_C_READ, NULL)
		       : NULL;
	GElf_Sym sym = {0};
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn)))
		elf_symbol_in(elf, scn, name, &sym);
	CHECK(sym.st_value != 0);
	if (size)
		*size = sym.st_size;
	elf_end(elf);
	close(fd);
	return sym.st_value;
}

#endif
