/* SPDX-License-Identifier: MIT
 *
 * See cc-elf.h. Every offset is checked against the file's length before it
 * is followed: an object may be anything that was named on a command line.
 */
#include "watcher/cc-elf.h"

#include <ar.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codeserver/descriptor.h"

/* A member's length stands in its header. */
static int member_view(struct elf_view *v, long offset)
{
	const struct ar_hdr *h = (const void *)(v->data + offset);
	size_t head = (size_t)offset + sizeof(*h);

	if (head > v->len)
		return -1;
	v->data += head;
	v->len -= head;
	if (strtoul(h->ar_size, NULL, 10) < v->len)
		v->len = strtoul(h->ar_size, NULL, 10);
	return 0;
}

int elf_view_open(struct elf_view *v, const char *path, long offset, char **err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*v = (struct elf_view){0};
	if (fd < 0 || fstat(fd, &st) < 0) {
		fail(err, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	v->map_len = (size_t)st.st_size;
	v->map = v->map_len
		     ? mmap(NULL, v->map_len, PROT_READ, MAP_PRIVATE, fd, 0)
		     : MAP_FAILED;
	close(fd);
	if (v->map == MAP_FAILED)
		return fail(err, "%s: cannot be mapped", path);
	v->data = v->map;
	v->len = v->map_len;
	if (offset && member_view(v, offset) < 0) {
		elf_view_close(v);
		return fail(err, "%s: cut off", path);
	}
	return 0;
}

void elf_view_close(struct elf_view *v)
{
	if (v->map)
		munmap(v->map, v->map_len);
	*v = (struct elf_view){0};
}

/* --- tables --------------------------------------------------------------- */

/*
 * Tables are copied where members of an archive are not aligned: they are at
 * even offsets only.
 */
static bool header(const struct elf_view *v, Elf64_Ehdr *eh)
{
	if (v->len < sizeof(*eh))
		return false;
	memcpy(eh, v->data, sizeof(*eh));
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) &&
	       eh->e_ident[EI_CLASS] == ELFCLASS64 && eh->e_shoff <= v->len &&
	       eh->e_shentsize == sizeof(Elf64_Shdr);
}

static size_t section_count(const struct elf_view *v, const Elf64_Ehdr *eh)
{
	size_t most = (v->len - eh->e_shoff) / sizeof(Elf64_Shdr);
	size_t n = eh->e_shnum;
	Elf64_Shdr first;

	if (!n && eh->e_shoff && most) { /* more than 65279 sections */
		memcpy(&first, v->data + eh->e_shoff, sizeof(first));
		n = first.sh_size;
	}
	return n < most ? n : most;
}

static size_t names_index(const struct elf_view *v, const Elf64_Ehdr *eh)
{
	Elf64_Shdr first;

	if (eh->e_shstrndx != SHN_XINDEX || !section_count(v, eh))
		return eh->e_shstrndx;
	memcpy(&first, v->data + eh->e_shoff, sizeof(first));
	return first.sh_link;
}

/* The I-th section header; false if it, or its content, is not there. */
static bool section(const struct elf_view *v, size_t i, Elf64_Shdr *sh)
{
	Elf64_Ehdr eh;

	if (!header(v, &eh) || i >= section_count(v, &eh))
		return false;
	memcpy(sh, v->data + eh.e_shoff + i * sizeof(*sh), sizeof(*sh));
	return sh->sh_type == SHT_NOBITS ||
	       (sh->sh_offset <= v->len &&
		sh->sh_size <= v->len - sh->sh_offset);
}

static size_t sections(const struct elf_view *v)
{
	Elf64_Ehdr eh;

	return header(v, &eh) ? section_count(v, &eh) : 0;
}

/* A string in the section of strings STR; "" if it is not one. */
static const char *string_at(const struct elf_view *v, const Elf64_Shdr *str,
			     size_t at)
{
	const char *s = (const char *)v->data + str->sh_offset;

	if (str->sh_type != SHT_STRTAB || at >= str->sh_size ||
	    !memchr(s + at, '\0', str->sh_size - at))
		return "";
	return s + at;
}

static bool section_find(const struct elf_view *v, uint32_t type,
			 Elf64_Shdr *sh)
{
	for (size_t i = 1, n = sections(v); i < n; i++)
		if (section(v, i, sh) && sh->sh_type == type)
			return true;
	return false;
}

/* Calls EACH with the symbols of the table of TYPE and their names. */
static void symbols_each(const struct elf_view *v, uint32_t type,
			 void (*each)(const Elf64_Sym *s, const char *name,
				      void *arg),
			 void *arg)
{
	Elf64_Shdr tab, str;

	if (!section_find(v, type, &tab) || !section(v, tab.sh_link, &str))
		return;
	for (size_t i = 1; i < tab.sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym s;

		memcpy(&s, v->data + tab.sh_offset + i * sizeof(s), sizeof(s));
		each(&s, string_at(v, &str, s.st_name), arg);
	}
}

/* --- ties ----------------------------------------------------------------- */

/* Arrays that the compiler makes for its own runtimes, one an object. */
static const char *const own_arrays[] = {"asan_globals", "__sancov_", "__llvm_",
					 "xray_"};

static bool is_own_array(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_arrays); i++)
		if (starts_with(name, own_arrays[i]))
			return true;
	return false;
}

static bool is_c_name(const char *s)
{
	return *s && !(*s >= '0' && *s <= '9') &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

/* Constructors and destructors that have a priority. Those up to 100 are the
 * compiler's own (each of AddressSanitizer's objects has one). */
static bool has_priority(const char *section)
{
	return (starts_with(section, ".init_array.") ||
		starts_with(section, ".fini_array.")) &&
	       strtoul(section + strlen(".init_array."), NULL, 10) > 100;
}

static void tie_common(struct elf_ties *t, const char *name, uint64_t size)
{
	t->common_sizes =
	    xrealloc(t->common_sizes, (t->commons.n + 1) * sizeof(uint64_t));
	t->common_sizes[t->commons.n] = size;
	strv_add(&t->commons, name);
}

static void tie_symbol(const Elf64_Sym *s, const char *name, void *arg)
{
	struct elf_ties *t = arg;
	const char *bound = starts_with(name, "__start_")  ? name + 8
			    : starts_with(name, "__stop_") ? name + 7
							   : NULL;

	t->ifunc |= ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC;
	if (bound && s->st_shndx == SHN_UNDEF && !is_own_array(bound))
		strv_add(&t->bounds, bound);
	if (s->st_shndx == SHN_UNDEF ||
	    ELF64_ST_BIND(s->st_info) == STB_LOCAL ||
	    (ELF64_ST_TYPE(s->st_info) != STT_OBJECT &&
	     s->st_shndx != SHN_COMMON))
		return;
	if (s->st_shndx == SHN_COMMON)
		tie_common(t, name, s->st_size);
	strv_add(s->st_shndx == SHN_COMMON ||
			 ELF64_ST_BIND(s->st_info) == STB_WEAK
		     ? &t->weak
		     : &t->strong,
		 name);
}

void elf_ties_read(const struct elf_view *v, struct elf_ties *t)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh, names;

	*t = (struct elf_ties){0};
	if (!header(v, &eh) || !section(v, names_index(v, &eh), &names))
		return;
	t->many = !eh.e_shnum;
	symbols_each(v, SHT_SYMTAB, tie_symbol, t);
	for (size_t i = 1, n = sections(v); i < n; i++) {
		const char *name;

		if (!section(v, i, &sh) || !(sh.sh_flags & SHF_ALLOC))
			continue;
		name = string_at(v, &names, sh.sh_name);
		if (is_c_name(name) && !is_own_array(name))
			strv_add(&t->sections, name);
		t->priority |= has_priority(name);
	}
}

void elf_ties_free(struct elf_ties *t)
{
	strv_free(&t->sections);
	strv_free(&t->bounds);
	strv_free(&t->strong);
	strv_free(&t->weak);
	strv_free(&t->commons);
	free(t->common_sizes);
}

/* --- sizes ---------------------------------------------------------------- */

static bool is_alloc(const struct elf_view *v, size_t i)
{
	Elf64_Shdr sh;

	return section(v, i, &sh) && sh.sh_flags & SHF_ALLOC;
}

/* All that is mapped; of each relocation in that a dynamic one and an entry in
 * the GOT and the PLT; of each symbol one in the symbol and hash tables, and
 * its name; and rounding for each segment. */
uint64_t elf_bound(const struct elf_view *v)
{
	uint64_t bound = 16 * 4096;
	Elf64_Shdr sh;

	for (size_t i = 1, n = sections(v); i < n; i++) {
		if (!section(v, i, &sh))
			continue;
		if (sh.sh_flags & SHF_ALLOC)
			bound += sh.sh_size + sh.sh_addralign;
		else if (sh.sh_type == SHT_RELA && is_alloc(v, sh.sh_info))
			bound += 2 * sh.sh_size;
		else if (sh.sh_type == SHT_SYMTAB)
			bound += 2 * sh.sh_size;
		else if (sh.sh_type == SHT_STRTAB)
			bound += sh.sh_size;
	}
	return bound;
}

/* --- modules -------------------------------------------------------------- */

static const struct hw_module *descriptor(const struct elf_view *v)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh, names;

	if (!header(v, &eh) || !section(v, eh.e_shstrndx, &names))
		return NULL;
	for (size_t i = 1, n = sections(v); i < n; i++) {
		const struct hw_module *m;

		if (!section(v, i, &sh) ||
		    strcmp(string_at(v, &names, sh.sh_name), ".hw.module"))
			continue;
		m = (const void *)(v->data + sh.sh_offset);
		if (sh.sh_size >= sizeof(*m) && m->size <= sh.sh_size &&
		    !memcmp(m->magic, HW_MAGIC, sizeof(m->magic)) &&
		    m->abi == HW_ABI && m->funcs <= m->size &&
		    m->nfuncs <= (m->size - m->funcs) / sizeof(struct hw_func))
			return m;
	}
	return NULL;
}

int elf_module_funcs(const struct elf_view *v, struct elf_func **funcs,
		     size_t *n)
{
	const struct hw_module *m = descriptor(v);
	const struct hw_func *f;

	if (!m)
		return -1;
	f = (const void *)((const char *)m + m->funcs);
	*n = m->nfuncs;
	*funcs = xcalloc(*n, sizeof(**funcs));
	for (size_t i = 0; i < *n; i++) {
		const char *id =
		    f[i].name < m->size ? (const char *)m + f[i].name : "";

		(*funcs)[i].id = xstrdup(id);
		(*funcs)[i].weak = (f[i].flags & HW_FUNC_WEAK) != 0;
	}
	return 0;
}

uint64_t elf_module_tls(const struct elf_view *v)
{
	const struct hw_module *m = descriptor(v);
	const struct hw_var *var;
	uint64_t bytes = 0;

	if (!m || m->vars > m->size ||
	    m->nvars > (m->size - m->vars) / sizeof(*var))
		return 0;
	var = (const void *)((const char *)m + m->vars);
	for (uint32_t i = 0; i < m->nvars; i++)
		if (var[i].flags & HW_VAR_TLS)
			bytes += HW_TLS_ROOM(var[i].tls_size);
	return bytes;
}

/* --- executables ---------------------------------------------------------- */

static void copied_of(const struct elf_view *v, const Elf64_Shdr *rela,
		      struct strv *names)
{
	Elf64_Shdr tab, str;

	if (!section(v, rela->sh_link, &tab) || tab.sh_type != SHT_DYNSYM ||
	    !section(v, tab.sh_link, &str))
		return;
	for (size_t i = 0; i < rela->sh_size / sizeof(Elf64_Rela); i++) {
		Elf64_Rela r;
		Elf64_Sym s;

		memcpy(&r, v->data + rela->sh_offset + i * sizeof(r),
		       sizeof(r));
		if (ELF64_R_TYPE(r.r_info) != R_X86_64_COPY ||
		    ELF64_R_SYM(r.r_info) >= tab.sh_size / sizeof(s))
			continue;
		memcpy(&s,
		       v->data + tab.sh_offset +
			   ELF64_R_SYM(r.r_info) * sizeof(s),
		       sizeof(s));
		strv_add(names, string_at(v, &str, s.st_name));
	}
}

void elf_copied(const struct elf_view *v, struct strv *names)
{
	Elf64_Shdr sh;

	for (size_t i = 1, n = sections(v); i < n; i++)
		if (section(v, i, &sh) && sh.sh_type == SHT_RELA)
			copied_of(v, &sh, names);
}

struct defines {
	const char *name;
	bool found;
};

static void defines_check(const Elf64_Sym *s, const char *name, void *arg)
{
	struct defines *d = arg;

	d->found |= s->st_shndx != SHN_UNDEF && !strcmp(name, d->name);
}

bool elf_defines(const struct elf_view *v, const char *name)
{
	struct defines d = {name, false};

	symbols_each(v, SHT_DYNSYM, defines_check, &d);
	return d.found;
}

/* Calls EACH with the strings of TAG in the dynamic section. */
static void dynamic_each(const struct elf_view *v, int64_t tag,
			 void (*each)(const char *s, void *arg), void *arg)
{
	Elf64_Shdr dyn, str;

	if (!section_find(v, SHT_DYNAMIC, &dyn) ||
	    !section(v, dyn.sh_link, &str))
		return;
	for (size_t i = 0; i < dyn.sh_size / sizeof(Elf64_Dyn); i++) {
		Elf64_Dyn d;

		memcpy(&d, v->data + dyn.sh_offset + i * sizeof(d), sizeof(d));
		if (d.d_tag == DT_NULL)
			break;
		if (d.d_tag == tag)
			each(string_at(v, &str, d.d_un.d_val), arg);
	}
}

static void needed_add(const char *s, void *arg)
{
	if (!strv_has(arg, s))
		strv_add(arg, s);
}

void elf_needed(const struct elf_view *v, struct strv *names)
{
	dynamic_each(v, DT_NEEDED, needed_add, names);
}

static void soname_take(const char *s, void *arg)
{
	char **soname = arg;

	free(*soname);
	*soname = xstrdup(s);
}

char *elf_soname(const struct elf_view *v)
{
	char *soname = NULL;

	dynamic_each(v, DT_SONAME, soname_take, &soname);
	return soname;
}
