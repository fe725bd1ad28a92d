/* SPDX-License-Identifier: MIT
 *
 * A module's linked object, opened for comparison: its functions and variables
 * with their types, by name and by address.
 *
 * The file may be anything that a user named, so whatever offset is followed
 * was checked before: libelf does it for sections, we for the descriptor. No
 * descriptor of ours stays open: a program may have a thousand modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/check-internal.h"
#include "watcher/jsonget.h"
#include "watcher/jsonlist.h"

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
	const struct hw_module *d = check_content(im, ".hw.module", &len);

	if (!d || len < sizeof(*d) || memcmp(d->magic, HW_MAGIC, 8))
		return fail(err, "%s: not a module of a hot build", im->file);
	if (d->abi != HW_ABI || d->size > len ||
	    !table_fits(d, d->funcs, d->nfuncs, sizeof(struct hw_func)) ||
	    !table_fits(d, d->vars, d->nvars, sizeof(struct hw_var)))
		return fail(err,
			    "%s: built by another hotwatch; link the program "
			    "again",
			    im->file);
	check_section(im, ".hw.module", &sh);
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

static int by_addr(const void *a, const void *b)
{
	const struct check_item *x = *(const struct check_item *const *)a;
	const struct check_item *y = *(const struct check_item *const *)b;

	return x->addr != y->addr ? (x->addr > y->addr ? 1 : -1)
				  : strcmp(x->id, y->id);
}

/* What has an address and a name of its own; a section as a whole has not. */
static void placed_add(struct check_image *im, const struct check_item *items,
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].addr && items[i].size &&
		    check_bare(items[i].id)[0] != '.')
			im->placed[im->nplaced++] = &items[i];
}

static void placed_read(struct check_image *im)
{
	im->placed = xcalloc(im->nvars + im->nfuncs, sizeof(*im->placed));
	placed_add(im, im->vars, im->nvars);
	placed_add(im, im->funcs, im->nfuncs);
	qsort(im->placed, im->nplaced, sizeof(*im->placed), by_addr);
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
	placed_read(im);
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
	size_t lo = 0, hi = im->nplaced;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (im->placed[mid]->addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - im->placed[lo - 1]->addr >= im->placed[lo - 1]->size)
		return NULL;
	return im->placed[lo - 1];
}

const char *check_bare(const char *id)
{
	const char *colon = strrchr(id, ':');

	id = colon ? colon + 1 : id;
	return starts_with(id, "__emutls_v.") ? id + strlen("__emutls_v.") : id;
}

bool check_made(const char *id)
{
	return strchr(check_bare(id), '.') != NULL;
}

/* --- opening -------------------------------------------------------------- */

static void types_read(struct check_image *im)
{
	size_t len;
	const void *section = check_content(im, LAYOUT_SECTION, &len);

	if (!section || layout_open(&im->types, section, len) < 0)
		return;
	im->typed = im->types.ntypes > LAYOUT_VOID + 1;
}

static int file_open(struct check_image *im, char **err)
{
	int fd;

	elf_version(EV_CURRENT);
	fd = open(im->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, "%s: %s", im->file, strerror(errno));
	im->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	im->data =
	    im->elf ? (const void *)elf_rawfile(im->elf, &im->len) : NULL;
	if (im->elf)
		elf_cntl(im->elf, ELF_C_FDDONE);
	close(fd);
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
	char *record = m->command ? NULL
				  : check_string_with(im, ".GCC.command.line",
						      "{\"hotwatch\":");
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
	*im = (struct check_image){.name = m->name};
	im->file = xstrdup(m->file);
	if (file_open(im, err) < 0 || descriptor_find(im, err) < 0)
		return -1;
	types_read(im);
	items_read(im);
	check_undefined_read(im);
	check_relocs_read(im);
	check_section(im, ".init_array", &im->init);
	if (!im->init.sh_size)
		check_section(im, ".hw.init", &im->init);
	check_section(im, ".fini_array", &im->fini);
	command_read(im, m);
	im->compiler = check_string_with(im, ".comment", "clang version");
	return 0;
}

void check_image_close(struct check_image *im)
{
	if (im->elf)
		elf_end(im->elf);
	strmap_free(&im->undefined);
	free(im->file);
	free(im->funcs);
	free(im->vars);
	free(im->placed);
	free(im->relocs);
	strv_free(&im->command);
	free(im->compiler);
	*im = (struct check_image){0};
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

	return (struct check_place){.file = *s ? s : NULL,
				    .line = *s ? line : 0};
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
