/* SPDX-License-Identifier: MIT
 *
 * A truncated file given to dlopen does not fail: it kills the process by
 * SIGBUS when a missing page is touched. A flipped bit does not fail either.
 * So the file is read and judged before dlopen sees it: every table inside its
 * bounds, and the checksum of the whole. The watcher never
 * overwrites an object, so what was judged is what is loaded.
 */
#include "codeserver/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include "codeserver/direct.h"
#include "codeserver/forks.h"
#include "codeserver/helper.h"
#include "codeserver/layout-format.h"
#include "codeserver/place.h"

static int bad(const struct hw_checked *c, struct hw_failure *f,
	       const char *module, const char *what)
{
	return failure_set(f, "badfile", module, NULL, "%s: %s; build it again",
			   c->file, what);
}

static int file_map(struct hw_checked *c, const char *module,
		    struct hw_failure *f)
{
	int fd = open(c->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int e = errno;

	if (fd < 0)
		return failure_set(f, e == ENOENT ? "nofile" : "badfile",
				   module, NULL, "%s: %s", c->file,
				   strerror(e));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size < sizeof(Elf64_Ehdr)) {
		close(fd);
		return bad(c, f, module, "not an object file");
	}
	c->len = (size_t)st.st_size;
	c->map = mmap(NULL, c->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	e = errno;
	close(fd);
	if (c->map == MAP_FAILED) {
		c->map = NULL;
		return failure_set(f, "badfile", module, NULL, "%s: %s",
				   c->file, strerror(e));
	}
	return 0;
}

static bool inside(const struct hw_checked *c, uint64_t offset, uint64_t size)
{
	return offset <= c->len && size <= c->len - offset;
}

static const char *header_judge(const struct hw_checked *c)
{
	const Elf64_Ehdr *e = (const void *)c->map;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG))
		return "not an ELF file";
	if (e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_machine != EM_X86_64)
		return "made for another machine";
	if (e->e_type != ET_DYN)
		return "not a shared object";
	if (e->e_phentsize != sizeof(Elf64_Phdr) ||
	    e->e_shentsize != sizeof(Elf64_Shdr) || (e->e_phoff & 7) ||
	    (e->e_shoff & 7) || e->e_shstrndx >= e->e_shnum ||
	    !inside(c, e->e_phoff, e->e_phnum * sizeof(Elf64_Phdr)) ||
	    !inside(c, e->e_shoff, e->e_shnum * sizeof(Elf64_Shdr)))
		return "cut off or damaged";
	return NULL;
}

/* The file's sections: where a pointer that needs the image may point to, and
 * the descriptor. Symbol and relocation tables are left out on purpose: the
 * dynamic linker keeps pointers to those for as long as the image lives. */
static void span_add(struct hw_checked *c, const Elf64_Shdr *sh,
		     const char *name)
{
	bool wanted = (sh->sh_flags & (SHF_EXECINSTR | SHF_WRITE)) ||
		      !strncmp(name, ".rodata", 7);

	uint64_t from = sh->sh_addr;

	if (!(sh->sh_flags & SHF_ALLOC) || !sh->sh_size || !wanted ||
	    sh->sh_type == SHT_DYNAMIC || !strncmp(name, ".got", 4) ||
	    !strcmp(name, ".hw.init"))
		return;
	/* Tools that list mappings keep where code starts; a return address
	 * is never a first byte, and a function's address is its stub's. */
	if (sh->sh_flags & SHF_EXECINSTR)
		from++;
	if (c->nspans == HW_SPANS) { /* the last takes in all that follows */
		c->spans[HW_SPANS - 1].to = sh->sh_addr + sh->sh_size;
		return;
	}
	c->spans[c->nspans++] =
	    (struct hw_span){from, sh->sh_addr + sh->sh_size};
}

static const char *sections_judge(struct hw_checked *c)
{
	const Elf64_Ehdr *e = (const void *)c->map;
	const Elf64_Shdr *sh = (const void *)(c->map + e->e_shoff);
	const Elf64_Shdr *str = &sh[e->e_shstrndx];
	const char *names = (const char *)c->map + str->sh_offset;

	if (!inside(c, str->sh_offset, str->sh_size) || !str->sh_size ||
	    names[str->sh_size - 1] != '\0')
		return "cut off or damaged";
	for (int i = 1; i < e->e_shnum; i++) {
		if (sh[i].sh_name >= str->sh_size)
			return "cut off or damaged";
		span_add(c, &sh[i], names + sh[i].sh_name);
		if (!strcmp(names + sh[i].sh_name, LAYOUT_SECTION) &&
		    inside(c, sh[i].sh_offset, sh[i].sh_size)) {
			c->types = c->map + sh[i].sh_offset;
			c->types_size = sh[i].sh_size;
		}
		if (strcmp(names + sh[i].sh_name, ".hw.module"))
			continue;
		if (!inside(c, sh[i].sh_offset, sh[i].sh_size) ||
		    sh[i].sh_size < sizeof(struct hw_module) ||
		    (sh[i].sh_offset & 7))
			return "cut off or damaged";
		c->desc = (const void *)(c->map + sh[i].sh_offset);
		c->desc_addr = sh[i].sh_addr;
		if (memcmp(c->desc->magic, HW_MAGIC, 8) ||
		    c->desc->size > sh[i].sh_size)
			return "its descriptor is damaged";
	}
	return c->desc ? NULL : "not built by hotwatch";
}

static const char *segments_judge(struct hw_checked *c)
{
	const Elf64_Ehdr *e = (const void *)c->map;
	const Elf64_Phdr *ph = (const void *)(c->map + e->e_phoff);
	uint64_t end = 0;

	c->base = UINTPTR_MAX;
	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type == PT_TLS)
			return "it has thread-locals that are not emulated";
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (!inside(c, ph[i].p_offset, ph[i].p_filesz) ||
		    ph[i].p_memsz < ph[i].p_filesz ||
		    ph[i].p_vaddr + ph[i].p_memsz < ph[i].p_vaddr)
			return "cut off or damaged";
		if ((ph[i].p_vaddr & ~4095ull) < c->base)
			c->base = ph[i].p_vaddr & ~4095ull;
		if (ph[i].p_vaddr + ph[i].p_memsz > end)
			end = ph[i].p_vaddr + ph[i].p_memsz;
	}
	if (end <= c->base)
		return "cut off or damaged";
	c->size = ((end + 4095) & ~4095ull) - c->base;
	return NULL;
}

static const char *checksum_judge(const struct hw_checked *c)
{
	uint64_t *field = (uint64_t *)(uintptr_t)&c->desc->checksum;
	uint64_t wanted = *field;

	uint64_t sum;

	*field = 0; /* our private copy of the page: as when it was summed */
	sum = hw_checksum(0, c->map, c->len);
	*field = wanted;
	return sum == wanted ? NULL
			     : "damaged: its checksum does not fit its content";
}

static bool strings_inside(const struct hw_module *d, uint32_t at)
{
	return at < d->size && memchr((const char *)d + at, 0, d->size - at);
}

/* The checksum fits, so this guards against our own mistakes only. */
static bool descriptor_sound(const struct hw_module *d)
{
	uint64_t size = d->size;

	return d->vars + d->nvars * (uint64_t)sizeof(struct hw_var) <= size &&
	       d->funcs + d->nfuncs * (uint64_t)sizeof(struct hw_func) <=
		   size &&
	       d->refs + d->nrefs * (uint64_t)sizeof(struct hw_ref) <= size &&
	       strings_inside(d, d->name) && strings_inside(d, d->source);
}

static const char *descriptor_judge(const struct hw_checked *c,
				    const char *module)
{
	if (c->desc->abi != HW_ABI)
		return "built by another version of hotwatch than the program";
	if (!descriptor_sound(c->desc))
		return "its descriptor is damaged";
	if (strcmp(desc_str(c->desc, c->desc->name), module))
		return "it is another module's object";
	if (c->base < HW_ARENA_BASE ||
	    c->base + c->size > HW_ARENA_BASE + HW_ARENA_SIZE - HW_ARENA_OWN)
		return "linked for a place outside the arena";
	return NULL;
}

static int content_judge(struct hw_checked *c, const char *module,
			 struct hw_failure *f)
{
	const char *what = header_judge(c);

	if (!what)
		what = sections_judge(c);
	if (!what)
		what = checksum_judge(c);
	if (!what)
		what = segments_judge(c);
	if (!what)
		what = descriptor_judge(c, module);
	/* Full of addresses: a search for pointers passes over what cannot be
	 * written. */
	if (!what && mprotect((void *)(uintptr_t)c->map, c->len, PROT_READ) < 0)
		what = "it cannot be protected";
	if (!what)
		return 0;
	bad(c, f, module, what);
	image_unmap(c);
	return -1;
}

int image_check(struct hw_checked *c, const char *file, const char *module,
		struct hw_failure *f)
{
	*c = (struct hw_checked){.file = file};
	return file_map(c, module, f) < 0 ? -1 : content_judge(c, module, f);
}

int image_check_data(struct hw_checked *c, const char *file, const void *data,
		     size_t size, const char *module, struct hw_failure *f)
{
	void *map;

	*c = (struct hw_checked){.file = file};
	if (size < sizeof(Elf64_Ehdr))
		return bad(c, f, module, "not an object file");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return bad(c, f, module, "the program is out of memory");
	memcpy(map, data, size);
	c->map = map;
	c->len = size;
	return content_judge(c, module, f);
}

void image_unmap(struct hw_checked *c)
{
	if (c->map)
		munmap((void *)(uintptr_t)c->map, c->len);
	c->map = NULL;
}

static int misplaced(const struct hw_checked *c, const char *how,
		     struct hw_failure *f)
{
	char who[256];

	place_taken_by(c->base, c->size, who, sizeof(who));
	return failure_set(f, "misplaced", desc_str(c->desc, c->desc->name),
			   NULL,
			   "%s: its place %#lx %s (%s); link it for another",
			   c->file, (unsigned long)c->base, how, who);
}

/* Pointers in the dynamic section are relocated by glibc in place, but for
 * what it leaves alone; both forms occur. */
static const void *dyn_pointer(const struct hw_image *i, uintptr_t value)
{
	return (const void *)(value < i->addr ? i->addr + value : value);
}

static void dynamic_read(struct hw_image *i, const ElfW(Dyn) * d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *p = dyn_pointer(i, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			i->symtab = p;
			break;
		case DT_STRTAB:
			i->strtab = p;
			break;
		case DT_RELA:
			i->rela = p;
			break;
		case DT_RELASZ:
			i->nrela = d->d_un.d_val / sizeof(ElfW(Rela));
			break;
		case DT_JMPREL:
			i->jmprel = p;
			break;
		case DT_PLTRELSZ:
			i->njmprel = d->d_un.d_val / sizeof(ElfW(Rela));
			break;
		}
	}
}

/* From the ELF header as it is mapped: where its code is. */
static void code_find(struct hw_image *i)
{
	const ElfW(Ehdr) *e = (const void *)i->base;
	const ElfW(Phdr) *ph = (const void *)(i->base + e->e_phoff);

	for (int k = 0; k < e->e_phnum; k++) {
		uintptr_t from = i->addr + ph[k].p_vaddr - i->base;

		if (ph[k].p_type == PT_LOAD && (ph[k].p_flags & PF_X))
			i->code = (struct hw_span){from, from + ph[k].p_memsz};
	}
}

/* A file in memory with what was checked. Its descriptor stays open as long as
 * the image does: its number is in the name that the dynamic linker knows the
 * image by, and names must differ. */
static int copy_make(struct hw_image *i, const struct hw_checked *c)
{
	int fd = memfd_create("hotwatch", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < c->len) {
		ssize_t n = write(fd, c->map + done, c->len - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd < 0)
		return -1;
	i->copy = fd + 1;
	i->copier = getpid();
	return 0;
}

struct opening {
	const char *file;
	void *handle;
};

static void opening_run(void *arg)
{
	struct opening *o = arg;

	o->handle = dlopen(o->file, RTLD_NOW | RTLD_LOCAL);
}

/*
 * Valgrind learns a file's functions and lines when it is mapped, and looks its
 * name up among the program's descriptors; those of this thread are its own.
 */
static void *file_open(const char *file)
{
	struct opening o = {.file = file};

	if (RUNNING_ON_VALGRIND)
		helper_run(opening_run, &o);
	if (!o.handle)
		opening_run(&o); /* dlerror is the thread's */
	return o.handle;
}

static void *object_open(struct hw_image *i, const struct hw_checked *c,
			 bool copy)
{
	char name[64];

	if (!copy)
		return file_open(c->file);
	if (copy_make(i, c) < 0)
		return NULL;
	snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", i->copy - 1);
	return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static void opened_note(struct hw_image *i, const struct hw_checked *c,
			const struct link_map *map)
{
	i->desc = (const void *)(c->desc_addr + i->addr);
	i->nspans = c->nspans;
	for (size_t k = 0; k < c->nspans; k++)
		i->spans[k] = (struct hw_span){c->spans[k].from - c->base,
					       c->spans[k].to - c->base};
	code_find(i);
	dynamic_read(i, map->l_ld);
}

int image_open(struct hw_image *i, const struct hw_checked *c, bool copy,
	       struct hw_failure *f)
{
	const char *module = desc_str(c->desc, c->desc->name), *why;
	struct link_map *map;

	*i = (struct hw_image){.base = c->base, .size = c->size};
	if (place_try(c->base, c->size) < 0)
		return misplaced(c, "is taken in this process", f);
	i->file = strdup(c->file);
	i->handle = i->file ? object_open(i, c, copy) : NULL;
	if (!i->handle) {
		why = dlerror();
		failure_set(f, "badfile", module, NULL, "%s",
			    why ? why : "out of memory, or of descriptors");
		image_close(i);
		return -1;
	}
	map = i->handle;
	i->addr = map->l_addr;
	if (map->l_addr == 0) {
		opened_note(i, c, map);
		return 0;
	}
	image_close(i); /* its bias must be 0 */
	misplaced(c, "was free, and the system mapped it elsewhere", f);
	return -1;
}

void image_close(struct hw_image *i)
{
	if (i->handle) {
		forks_hold();
		dlclose(i->handle);
		forks_let();
	}
	if (i->copy && i->copier == getpid())
		close(i->copy - 1);
	free(i->file);
	*i = (struct hw_image){0};
}

/* From the mapped ELF header: how far its segments reach. */
static size_t start_size(uintptr_t base)
{
	const ElfW(Ehdr) *e = (const void *)base;
	const ElfW(Phdr) *ph = (const void *)(base + e->e_phoff);
	uintptr_t first = UINTPTR_MAX, end = 0;

	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_vaddr < first)
			first = ph[i].p_vaddr & ~4095ull;
		end = (ph[i].p_vaddr + ph[i].p_memsz + 4095) & ~4095ull;
	}
	return end - first;
}

int image_of_start(struct hw_image *i, const struct hw_module *desc,
		   const char *file)
{
	struct link_map *map;
	Dl_info info;

	*i = (struct hw_image){.desc = desc};
	if (!dladdr1(desc, &info, (void **)&map, RTLD_DL_LINKMAP))
		return -1;
	i->file = strdup(file);
	if (!i->file)
		return -1;
	i->base = (uintptr_t)info.dli_fbase;
	i->size = start_size(i->base);
	i->addr = map->l_addr;
	code_find(i);
	dynamic_read(i, map->l_ld);
	return 0;
}

/* --- its code ------------------------------------------------------------- */

/* The code's pages; PLT entries lie in them too, which only the image's own
 * code calls. */
static long code_protect(const struct hw_image *i, int prot)
{
	uintptr_t from = (i->base + i->code.from) & ~4095ul;
	uintptr_t to = (i->base + i->code.to + 4095) & ~4095ul;

	return mprotect((void *)from, to - from, prot) < 0 ? -1
							   : (long)(to - from);
}

long image_fence(const struct hw_image *i)
{
	if (direct_leave(i->base, i->base + i->size) < 0)
		return -1;
	return code_protect(i, PROT_NONE);
}

long image_unfence(const struct hw_image *i)
{
	return code_protect(i, PROT_READ | PROT_EXEC);
}
