/* SPDX-License-Identifier: MIT
 *
 * A module's linked object, opened for comparison: its descriptor, its types,
 * what it needs of others, and what its data points to.
 *
 * The file may be anything that a user named, so whatever offset is followed
 * was checked before: libelf does it for sections, we for the descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/check-internal.h"
#include "watcher/jsonget.h"
#include "watcher/jsonlist.h"

/* --- sections ------------------------------------------------------------- */

static Elf_Scn *section_named(const struct check_image *im, const char *name,
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
static const void *content_of(const struct check_image *im, const char *name,
			      size_t *size)
{
	Elf64_Shdr sh;

	*size = 0;
	if (!section_named(im, name, &sh) || sh.sh_type == SHT_NOBITS ||
	    sh.sh_offset > im->len || sh.sh_size > im->len - sh.sh_offset)
		return NULL;
	*size = sh.sh_size;
	return im->data + sh.sh_offset;
}

/* The string of section NAME that contains MARK. malloc'd, or NULL. */
static char *string_with(const struct check_image *im, const char *name,
			 const char *mark)
{
	size_t len;
	const char *p = content_of(im, name, &len), *end = p ? p + len : NULL;

	for (; p && p < end; p += strnlen(p, end - p) + 1) {
		char *s = xstrndup(p, strnlen(p, end - p));

		if (strstr(s, mark))
			return s;
		free(s);
	}
	return NULL;
}

/* --- the descriptor ------------------------------------------------------- */

static bool table_fits(const struct hw_module *d, uint32_t at, uint32_t n,
		       size_t size)
{
	return at <= d->size && n <= (d->size - at) / size;
}

static int descriptor_find(struct check_image *im, char **err)
{
	Elf64_Shdr sh;
	size_t len;
	const struct hw_module *d = content_of(im, ".hw.module", &len);

	if (!d || len < sizeof(*d) || memcmp(d->magic, HW_MAGIC, 8))
		return fail(err, "%s: not a module of a hot build", im->file);
	if (d->abi != HW_ABI || d->size > len ||
	    !table_fits(d, d->funcs, d->nfuncs, sizeof(struct hw_func)) ||
	    !table_fits(d, d->vars, d->nvars, sizeof(struct hw_var)))
		return fail(err,
			    "%s: built by another hotwatch; link the program "
			    "again",
			    im->file);
	section_named(im, ".hw.module", &sh);
	im->desc = d;
	im->desc_addr = sh.sh_addr;
	return 0;
}

/* The address that the descriptor's FIELD leads to. */
static uint64_t distance(const struct check_image *im, const int32_t *field)
{
	return im->desc_addr +
	       (uint64_t)((const char *)field - (const char *)im->desc) +
	       (uint64_t)(int64_t)*field;
}

static const char *name_at(const struct check_image *im, uint32_t at)
{
	const char *s = (const char *)im->desc + at;

	return at < im->desc->size && memchr(s, '\0', im->desc->size - at) ? s
									   : "";
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct check_item *)a)->id,
		      ((const struct check_item *)b)->id);
}

static void items_read(struct check_image *im)
{
	const struct hw_module *d = im->desc;
	const void *base = d;
	const struct hw_func *f = (const void *)((const char *)base + d->funcs);
	const struct hw_var *v = (const void *)((const char *)base + d->vars);

	im->nfuncs = d->nfuncs;
	im->nvars = d->nvars;
	im->funcs = xcalloc(im->nfuncs, sizeof(*im->funcs));
	im->vars = xcalloc(im->nvars, sizeof(*im->vars));
	for (size_t i = 0; i < im->nfuncs; i++) {
		const char *id = name_at(im, f[i].name);

		im->funcs[i] = (struct check_item){
		    .id = id,
		    .addr = distance(im, &f[i].entry),
		    .size = f[i].size,
		    .flags = f[i].flags,
		    .func = layout_func(&im->types, id),
		};
	}
	for (size_t i = 0; i < im->nvars; i++) {
		const char *id = name_at(im, v[i].name);

		im->vars[i] = (struct check_item){
		    .id = id,
		    .addr = v[i].addr ? distance(im, &v[i].addr) : 0,
		    .size = v[i].size,
		    .flags = v[i].flags,
		    .var = &v[i],
		    .type = layout_var(&im->types, id),
		};
	}
	qsort(im->funcs, im->nfuncs, sizeof(*im->funcs), by_id);
	qsort(im->vars, im->nvars, sizeof(*im->vars), by_id);
}

static const struct check_item *item_find(const struct check_item *items,
					  size_t n, const char *id)
{
	struct check_item key = {.id = id};

	return n ? bsearch(&key, items, n, sizeof(key), by_id) : NULL;
}

const struct check_item *check_func(const struct check_image *im,
				    const char *id)
{
	return item_find(im->funcs, im->nfuncs, id);
}

const struct check_item *check_var(const struct check_image *im, const char *id)
{
	return item_find(im->vars, im->nvars, id);
}

const struct check_item *check_item_at(const struct check_image *im,
				       uint64_t addr)
{
	for (size_t i = 0; i < im->nvars; i++)
		if (addr - im->vars[i].addr < im->vars[i].size)
			return &im->vars[i];
	for (size_t i = 0; i < im->nfuncs; i++)
		if (addr - im->funcs[i].addr < im->funcs[i].size)
			return &im->funcs[i];
	return NULL;
}

const char *check_bare(const char *id)
{
	const char *colon = strrchr(id, ':');

	id = colon ? colon + 1 : id;
	return starts_with(id, "__emutls_v.") ? id + strlen("__emutls_v.") : id;
}

/* --- symbols and relocations ---------------------------------------------- */

struct symbols {
	Elf_Data *data;
	size_t n, strings;
};

static void symbols_open(const struct check_image *im, struct symbols *s)
{
	Elf64_Shdr sh;
	Elf_Scn *scn = section_named(im, ".dynsym", &sh);

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

static void undefined_read(struct check_image *im)
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

static void relocs_read(struct check_image *im)
{
	size_t len;
	const Elf64_Rela *r = content_of(im, ".rela.dyn", &len);
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

const unsigned char *check_bytes(const struct check_image *im, uint64_t addr,
				 uint64_t size)
{
	for (size_t i = 0; i < im->nph; i++) {
		const Elf64_Phdr *ph = &im->ph[i];
		uint64_t at = addr - ph->p_vaddr;

		if (ph->p_type != PT_LOAD || addr < ph->p_vaddr ||
		    at > ph->p_filesz || size > ph->p_filesz - at ||
		    ph->p_offset > im->len || at > im->len - ph->p_offset ||
		    size > im->len - ph->p_offset - at)
			continue;
		return im->data + ph->p_offset + at;
	}
	return NULL;
}

/* --- opening -------------------------------------------------------------- */

static void types_read(struct check_image *im)
{
	size_t len;
	const void *section = content_of(im, LAYOUT_SECTION, &len);

	if (!section || layout_open(&im->types, section, len) < 0)
		return;
	im->typed = im->types.ntypes > LAYOUT_VOID + 1;
}

static int file_open(struct check_image *im, char **err)
{
	elf_version(EV_CURRENT);
	im->fd = open(im->file, O_RDONLY | O_CLOEXEC);
	if (im->fd < 0)
		return fail(err, "%s: %s", im->file, strerror(errno));
	im->elf = elf_begin(im->fd, ELF_C_READ_MMAP, NULL);
	im->data =
	    im->elf ? (const void *)elf_rawfile(im->elf, &im->len) : NULL;
	if (!im->data || elf_kind(im->elf) != ELF_K_ELF ||
	    elf_getphdrnum(im->elf, &im->nph) < 0)
		return fail(err, "%s: not an ELF file", im->file);
	im->ph = im->nph ? elf64_getphdr(im->elf) : NULL;
	if (!im->ph)
		return fail(err, "%s: not a linked object", im->file);
	return 0;
}

static void command_read(struct check_image *im, const struct check_module *m)
{
	char *record =
	    m->command ? NULL
		       : string_with(im, ".GCC.command.line", "{\"hotwatch\":");
	cJSON *o = cJSON_Parse(record ? record : "");
	char **argv = o ? jsonlist_read(json_at(o, "argv")) : NULL;

	strv_addv(&im->command, (const char *const *)m->command);
	strv_addv(&im->command, (const char *const *)argv);
	freev(argv);
	cJSON_Delete(o);
	free(record);
}

int check_image_open(struct check_image *im, const struct check_module *m,
		     char **err)
{
	*im = (struct check_image){.name = m->name, .fd = -1};
	im->file = xstrdup(m->file);
	if (file_open(im, err) < 0 || descriptor_find(im, err) < 0)
		return -1;
	types_read(im);
	items_read(im);
	undefined_read(im);
	relocs_read(im);
	section_named(im, ".init_array", &im->init);
	if (!im->init.sh_size)
		section_named(im, ".hw.init", &im->init);
	section_named(im, ".fini_array", &im->fini);
	command_read(im, m);
	im->compiler = string_with(im, ".comment", "clang version");
	return 0;
}

void check_image_close(struct check_image *im)
{
	if (im->elf)
		elf_end(im->elf);
	if (im->fd >= 0)
		close(im->fd);
	strmap_free(&im->undefined);
	free(im->file);
	free(im->funcs);
	free(im->vars);
	free(im->relocs);
	strv_free(&im->command);
	free(im->compiler);
	*im = (struct check_image){.fd = -1};
}

/* --- names and places ----------------------------------------------------- */

void check_var_name(const struct check_image *im, const struct check_item *v,
		    char buf[CHECK_NAME])
{
	if (v->type)
		layout_var_name(&im->types, v->type, buf, CHECK_NAME);
	else
		snprintf(buf, CHECK_NAME, "%s", check_bare(v->id));
}

bool check_is_variable(const struct check_item *v)
{
	const char *name = check_bare(v->id);

	return !(v->flags & (HW_VAR_LABELS | HW_VAR_SECTION)) && *name &&
	       *name != '.' && !starts_with(name, "hw.") &&
	       !starts_with(name, "__emutls_t.");
}

static struct check_place place(const struct check_image *im, uint32_t file,
				uint32_t line)
{
	const char *s = layout_str(&im->types, file);

	return (struct check_place){*s ? s : NULL, *s ? line : 0};
}

struct check_place check_func_place(const struct check_image *im,
				    const struct check_item *f)
{
	if (!f || !f->func)
		return (struct check_place){0};
	return place(im, f->func->file, f->func->line);
}

struct check_place check_var_place(const struct check_image *im,
				   const struct check_item *v)
{
	if (!v->type)
		return (struct check_place){0};
	return place(im, v->type->file, v->type->line);
}
