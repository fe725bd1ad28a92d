/* SPDX-License-Identifier: MIT
 *
 * A compiled object, read into memory once and indexed: sections, symbols,
 * the record that hotwatch cc left in it.
 *
 * libelf reads it; what it hands out are pointers into our own copy of the
 * file, so an object stays valid when a make overwrites the file meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/archive.h"
#include "watcher/object-internal.h"

#define RECORD_SECTION ".GCC.command.line"
#define RECORD_MARK "{\"hotwatch\":1"

static int sections_read(struct object *o, char **err)
{
	size_t shstrndx;
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(o->elf, &o->nsec) < 0 || o->nsec < 2 ||
	    elf_getshdrstrndx(o->elf, &shstrndx) < 0)
		return fail(err, "%s: no section table", o->label);
	o->sec = xcalloc(o->nsec, sizeof(*o->sec));
	o->sec[0].name = "";
	while ((scn = elf_nextscn(o->elf, scn)) != NULL) {
		struct section *s = &o->sec[elf_ndxscn(scn)];
		Elf_Data *d;

		s->sh = elf64_getshdr(scn);
		if (!s->sh)
			return fail(err, "%s: bad section header", o->label);
		s->name = elf_strptr(o->elf, shstrndx, s->sh->sh_name);
		if (!s->name)
			return fail(err, "%s: bad section name", o->label);
		if (s->sh->sh_type == SHT_NOBITS)
			continue;
		d = elf_rawdata(scn, NULL);
		if (!d || (s->sh->sh_size && !d->d_buf))
			return fail(err, "%s: section %s is cut off", o->label,
				    s->name);
		s->data = d->d_buf;
		if (s->sh->sh_type == SHT_SYMTAB)
			o->symtab = elf_ndxscn(scn);
	}
	return 0;
}

/* Checks what later code relies on: every index and name is in range. */
static int symbols_read(struct object *o, char **err)
{
	struct section *s = &o->sec[o->symtab];
	size_t strsize;

	if (!o->symtab || s->sh->sh_link >= o->nsec ||
	    !o->sec[s->sh->sh_link].data)
		return fail(err, "%s: no symbol table", o->label);
	o->syms = (Elf64_Sym *)s->data;
	o->nsyms = s->sh->sh_size / sizeof(Elf64_Sym);
	o->first_global = s->sh->sh_info;
	o->strtab = (const char *)o->sec[s->sh->sh_link].data;
	strsize = o->sec[s->sh->sh_link].sh->sh_size;
	if (!strsize || o->strtab[strsize - 1] != '\0' ||
	    o->first_global > o->nsyms)
		return fail(err, "%s: bad symbol table", o->label);
	for (uint32_t i = 0; i < o->nsyms; i++)
		if (o->syms[i].st_name >= strsize)
			return fail(err, "%s: bad symbol %u", o->label, i);
	return 0;
}

static int relocations_check(struct object *o, size_t i, char **err)
{
	struct section *r = &o->sec[i];
	Elf64_Rela *rela = (Elf64_Rela *)r->data;
	size_t n = r->sh->sh_size / sizeof(*rela), limit;

	if (!r->sh->sh_info || r->sh->sh_info >= o->nsec)
		return fail(err, "%s: %s relocates nothing", o->label, r->name);
	limit = o->sec[r->sh->sh_info].sh->sh_size;
	for (size_t k = 0; k < n; k++)
		if (ELF64_R_SYM(rela[k].r_info) >= o->nsyms ||
		    rela[k].r_offset >= limit)
			return fail(err, "%s: bad relocation %zu of %s",
				    o->label, k, r->name);
	o->sec[r->sh->sh_info].rela = i;
	return 0;
}

/* The first string of the record's section that is ours. ld -r and archives
 * keep one a unit; an object with several is not one module. */
static void record_find(struct object *o)
{
	size_t found = 0;

	for (size_t i = 1; i < o->nsec; i++) {
		struct section *s = &o->sec[i];
		const char *p = (const char *)s->data, *end;

		if (strcmp(s->name, RECORD_SECTION) || !p)
			continue;
		end = p + s->sh->sh_size;
		while (p < end) {
			size_t n = strnlen(p, end - p);

			if (n >= strlen(RECORD_MARK) &&
			    starts_with(p, RECORD_MARK) && found++ == 0)
				o->record = xstrndup(p, n);
			p += n + 1;
		}
	}
	if (found != 1) {
		free(o->record);
		o->record = NULL;
	}
}

static int object_index(struct object *o, char **err)
{
	Elf64_Ehdr *eh;

	o->elf = elf_memory(o->buf, o->len);
	if (!o->elf || elf_kind(o->elf) != ELF_K_ELF)
		return fail(err, "%s: not an ELF object", o->label);
	eh = elf64_getehdr(o->elf);
	if (!eh || eh->e_machine != EM_X86_64 || eh->e_type != ET_REL)
		return fail(err, "%s: not an object for x86-64", o->label);
	if (sections_read(o, err) < 0 || symbols_read(o, err) < 0)
		return -1;
	for (size_t i = 1; i < o->nsec; i++)
		if (o->sec[i].sh->sh_type == SHT_RELA &&
		    relocations_check(o, i, err) < 0)
			return -1;
	redzones_forget(o);
	record_find(o);
	return 0;
}

int object_open(struct object **out, const char *path, const char *member,
		long offset, char **err)
{
	struct object *o = xcalloc(1, sizeof(*o));

	elf_version(EV_CURRENT);
	o->label = member ? xasprintf("%s(%s)", path, member) : xstrdup(path);
	if ((member
		 ? archive_member(path, member, offset, &o->buf, &o->len, err)
		 : file_read(path, &o->buf, &o->len, err)) < 0 ||
	    object_index(o, err) < 0) {
		object_close(o);
		return -1;
	}
	*out = o;
	return 0;
}

void object_close(struct object *o)
{
	if (!o)
		return;
	for (size_t i = 0; o->sec && i < o->nsec; i++)
		free(o->sec[i].syms);
	if (o->elf)
		elf_end(o->elf);
	free(o->sec);
	free(o->label);
	free(o->buf);
	free(o->record);
	free(o->funcs);
	free(o->vars);
	free(o->frefs);
	free(o->vrefs);
	free(o->func_of);
	free(o->var_of);
	free(o->direct);
	free(o->list);
	free(o);
}

const char *object_record(const struct object *o)
{
	return o->record;
}

int object_symbols(struct object *o, const struct object_symbol **v, size_t *n,
		   char **err)
{
	size_t k = 0;

	if (object_scan(o, err) < 0)
		return -1;
	if (!o->list) {
		o->list = xcalloc(o->nfuncs + o->nvars, sizeof(*o->list));
		for (uint32_t i = 1; i < o->nsyms; i++) {
			int bind = ELF64_ST_BIND(o->syms[i].st_info);
			bool func = o->func_of[i] >= 0;

			if (!func && o->var_of[i] < 0)
				continue;
			if (!func && o->vars[o->var_of[i]].sym != i)
				continue;
			o->list[k++] = (struct object_symbol){
			    .name = sym_name(o, i),
			    .func = func,
			    .global = bind != STB_LOCAL,
			    .weak = bind == STB_WEAK,
			    .needs_stub =
				func && (bind != STB_LOCAL ||
					 o->funcs[o->func_of[i]].addressed)};
		}
	}
	for (*n = 0; *n < o->nfuncs + o->nvars && o->list[*n].name; ++*n)
		;
	*v = o->list;
	return 0;
}
