/* SPDX-License-Identifier: MIT
 *
 * The last step of a module's way: link the rewritten object to a shared
 * object at its base, seal it, give it its final name.
 *
 * The seal works on the linked file in place:
 * - undefined symbols become weak in .dynsym, so that dlopen never fails for
 *   one: the code server binds most of them itself and names what is missing.
 *   Those that were strong are marked (st_size = HW_UNDEF_STRONG), or a
 *   symbol that the user declared weak could not be told from a mistake;
 * - the variables' type hashes are put into the descriptor, from the debug
 *   information, which only now has final addresses, and the types themselves
 *   into .hw.types, which moves to the end of the file for it. (Making it from
 *   the object before the link was rejected: addresses in debug information
 *   are relocations there, of several forms.)
 * - the checksum over the whole file is put there last.
 *
 * -z norelro: the code server writes the GOT after dlopen. No soname: the
 * file is only known by its path. No --build-id: the name is the identity.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/object.h"
#include "watcher/types.h"
#include "watcher/util.h"

/* What each linker calls it; both write the PLT that bind.c knows. */
static char *base_option(const char *linker, uint64_t base)
{
	return xasprintf("%s=0x%llx",
			 strstr(path_base(linker), "lld") ? "--image-base"
							  : "-Ttext-segment",
			 (unsigned long long)base);
}

char **modlink_argv(const struct modlink *l)
{
	static const char *const fixed[] = {
	    "-shared",         "--hash-style=gnu",
	    "--build-id=none", "-z",
	    "norelro",         "--no-relax",
	    "--eh-frame-hdr",  "-z",
	    "undefs",          NULL};
	struct strv v = {0};

	strv_add(&v, l->linker);
	strv_addv(&v, fixed);
	strv_add_own(&v, base_option(l->linker, l->base));
	strv_add(&v, "-o");
	strv_add(&v, l->out);
	strv_add(&v, l->object);
	strv_add(&v, l->codeserver);
	strv_add(&v, "--as-needed");
	for (size_t i = 0; i < l->nlibs; i++)
		strv_add(&v, l->libs[i]);
	return strv_take(&v);
}

void argv_free(char **argv)
{
	freev(argv);
}

/* A linked file, mapped shared: writes go to the file. */
struct sealed {
	const char *path;
	unsigned char *map;
	size_t len;
	struct hw_module *desc;
	uint64_t desc_addr; /* its virtual address */
	uint64_t plt_addr;  /* of .plt, or 0 */
	int types;          /* index of .hw.types, or 0 */
};

static int sealed_map(struct sealed *f, char **err)
{
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		int e = fd < 0 ? errno : EINVAL;

		if (fd >= 0)
			close(fd);
		return fail(err, "%s: %s", f->path, strerror(e));
	}
	f->len = (size_t)st.st_size;
	f->map = mmap(NULL, f->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return fail(err, "%s: %s", f->path, strerror(errno));
	}
	return 0;
}

static void undefined_weaken(struct sealed *f, const Elf64_Shdr *sh)
{
	Elf64_Sym *s = (Elf64_Sym *)(f->map + sh->sh_offset);
	size_t n = sh->sh_size / sizeof(*s);

	for (size_t i = 1; i < n; i++) {
		if (s[i].st_shndx != SHN_UNDEF ||
		    ELF64_ST_BIND(s[i].st_info) != STB_GLOBAL)
			continue;
		s[i].st_info =
		    ELF64_ST_INFO(STB_WEAK, ELF64_ST_TYPE(s[i].st_info));
		s[i].st_size = HW_UNDEF_STRONG;
	}
}

static int sections_seal(struct sealed *f, char **err)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->map;
	Elf64_Shdr *sh = (Elf64_Shdr *)(f->map + eh->e_shoff);
	const char *names;

	if (f->len < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_shoff + eh->e_shnum * sizeof(*sh) > f->len)
		return fail(err, "%s: the linker left no ELF file", f->path);
	names = (const char *)f->map + sh[eh->e_shstrndx].sh_offset;
	for (int i = 1; i < eh->e_shnum; i++) {
		const char *name = names + sh[i].sh_name;

		if (sh[i].sh_type == SHT_DYNSYM)
			undefined_weaken(f, &sh[i]);
		if (!strcmp(name, LAYOUT_SECTION))
			f->types = i;
		if (!strcmp(name, ".plt"))
			f->plt_addr = sh[i].sh_addr;
		if (!strcmp(name, ".hw.module")) {
			f->desc =
			    (struct hw_module *)(f->map + sh[i].sh_offset);
			f->desc_addr = sh[i].sh_addr;
		}
	}
	if (!f->desc || memcmp(f->desc->magic, HW_MAGIC, 8))
		return fail(err, "%s: no module descriptor", f->path);
	/* lld's .plt: a header of 16 bytes, then .rela.plt's order. */
	if (f->plt_addr)
		f->desc->plt = (int32_t)(f->plt_addr + 16 - f->desc_addr -
					 offsetof(struct hw_module, plt));
	return 0;
}

/* The name by which debug information knows a thread-local, or NULL. */
static const char *tls_name(const struct hw_module *m, const struct hw_var *v)
{
	const char *id = (const char *)m + v->name, *colon = strrchr(id, ':');
	const char *name = colon ? colon + 1 : id;

	return v->flags & HW_VAR_TLS ? name + strlen("__emutls_v.") : NULL;
}

static void types_ask(struct sealed *f, struct types_var *t)
{
	struct hw_var *v = (struct hw_var *)((char *)f->desc + f->desc->vars);

	for (uint32_t i = 0; i < f->desc->nvars; i++) {
		t[i].id = (const char *)f->desc + v[i].name;
		t[i].section = v[i].flags & HW_VAR_SECTION;
		t[i].size = v[i].flags & HW_VAR_TLS ? v[i].tls_size : v[i].size;
		t[i].name = tls_name(f->desc, &v[i]);
		if (!t[i].name && v[i].addr)
			t[i].addr =
			    f->desc_addr +
			    (uint64_t)((char *)&v[i].addr - (char *)f->desc) +
			    (uint64_t)(int64_t)v[i].addr;
	}
}

/* The section as it was linked: functions and their uses. */
static int types_linked(struct sealed *f, struct layout *l, char **err)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->map;
	Elf64_Shdr *sh = (Elf64_Shdr *)(f->map + eh->e_shoff) + f->types;

	if (f->types && sh->sh_offset <= f->len &&
	    sh->sh_size <= f->len - sh->sh_offset &&
	    layout_open(l, f->map + sh->sh_offset, sh->sh_size) == 0)
		return 0;
	return fail(err, "%s: the linker did not keep " LAYOUT_SECTION,
		    f->path);
}

/* The file grows by the section that TYPES is. */
static int types_append(struct sealed *f, const struct text *types, char **err)
{
	size_t at = (f->len + 7) & ~(size_t)7;
	Elf64_Shdr *sh;

	munmap(f->map, f->len);
	f->map = NULL;
	if (truncate(f->path, (off_t)(at + types->len)) < 0)
		return fail(err, "%s: %s", f->path, strerror(errno));
	if (sealed_map(f, err) < 0)
		return -1;
	memcpy(f->map + at, types->s, types->len);
	sh = (Elf64_Shdr *)(f->map + ((Elf64_Ehdr *)f->map)->e_shoff);
	sh[f->types].sh_offset = at;
	sh[f->types].sh_size = types->len;
	return 0;
}

static int types_fill(struct sealed *f, char **err)
{
	size_t desc = (size_t)((unsigned char *)f->desc - f->map);
	struct types_var *t = xcalloc(f->desc->nvars, sizeof(*t));
	struct hw_var *v = (struct hw_var *)((char *)f->desc + f->desc->vars);
	struct text types = {0};
	struct layout linked;
	int r = -1;

	types_ask(f, t);
	if (types_linked(f, &linked, err) < 0 ||
	    types_read(f->path, t, f->desc->nvars, &linked, &types, err) < 0)
		goto out;
	for (uint32_t i = 0; i < f->desc->nvars; i++)
		v[i].type = t[i].hash;
	r = types_append(f, &types, err);
	f->desc = (struct hw_module *)(f->map + desc);
out:
	text_free(&types);
	free(t);
	return r;
}

/*
 * The last page of the data is mapped whole, with what follows in the file: its
 * symbol table, full of addresses that look like pointers to whoever searches
 * memory. What a segment has more in memory than in the file is zeroed.
 */
static void segments_round(struct sealed *f)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->map;
	Elf64_Phdr *ph = (Elf64_Phdr *)(f->map + eh->e_phoff);

	for (int i = 0; i < eh->e_phnum; i++) {
		uint64_t end = ph[i].p_vaddr + ph[i].p_memsz;

		if (ph[i].p_type == PT_LOAD && (ph[i].p_flags & PF_W))
			ph[i].p_memsz =
			    ((end + 4095) & ~4095ull) - ph[i].p_vaddr;
	}
}

static void checksum_fill(struct sealed *f, uint64_t *span)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->map;
	Elf64_Phdr *ph = (Elf64_Phdr *)(f->map + eh->e_phoff);
	uint64_t first = UINT64_MAX, end = 0;

	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_vaddr < first)
			first = ph[i].p_vaddr & ~4095ull;
		end = (ph[i].p_vaddr + ph[i].p_memsz + 4095) & ~4095ull;
	}
	f->desc->checksum = 0;
	f->desc->checksum = hw_checksum(0, f->map, f->len);
	*span = end - first;
}

static bool same_content(const struct sealed *f, const char *path)
{
	char *data;
	size_t len;
	bool same;

	if (file_read(path, &data, &len, NULL) < 0)
		return false;
	same = len == f->len && !memcmp(data, f->map, len);
	free(data);
	return same;
}

/* Renames to DIR/STEM-CHECKSUM.so; a file that is there already is kept if it
 * is the same (somebody may have it mapped), else a number is added. */
static int final_name(struct sealed *f, const char *dir, const char *stem,
		      char **file, char **err)
{
	for (int n = 1; n < 1000; n++) {
		char more[16] = "";
		char *path;

		if (n > 1)
			snprintf(more, sizeof(more), "-%d", n);
		path = xasprintf("%s/%s-%016llx%s.so", dir, stem,
				 (unsigned long long)f->desc->checksum, more);
		if (link(f->path, path) == 0 ||
		    (errno == EEXIST && same_content(f, path))) {
			unlink(f->path);
			*file = path;
			return 0;
		}
		free(path);
		if (errno != EEXIST)
			return fail(err, "%s: cannot be put into %s: %s",
				    f->path, dir, strerror(errno));
	}
	return fail(err, "%s: %s is full of other files of that name", f->path,
		    dir);
}

int modlink_seal(const char *out, const char *dir, const char *stem,
		 char **file, uint64_t *size, char **err)
{
	struct sealed f = {.path = out};
	int r = -1;

	if (sealed_map(&f, err) < 0 || sections_seal(&f, err) < 0 ||
	    types_fill(&f, err) < 0)
		goto out;
	segments_round(&f);
	checksum_fill(&f, size);
	r = final_name(&f, dir, stem, file, err);
out:
	if (f.map)
		munmap(f.map, f.len);
	return r;
}
