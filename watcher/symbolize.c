/* SPDX-License-Identifier: MIT
 *
 * See symbolize.h.
 *
 * Module objects are opened with libdw and their compilation units walked:
 * each has one. libdwfl was tried: it finds a unit by .debug_aranges, which
 * clang does not write, and then knows nothing. A library without debug
 * information is known by its symbol tables; those of the distribution's
 * separate debug files are not looked for: the frames that matter are the
 * program's own, and a system call's wrapper is exported.
 *
 * Opening a file costs as much as a hundred questions, so the last few stay
 * open. A module's file never changes under its name; a library may be
 * upgraded, so what is open is known by time and size too.
 */
#include "watcher/symbolize-internal.h"

#include "watcher/util.h"

#include <dwarf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_OBJECTS 24

struct symbolizer {
	struct symbol_object objects[OPEN_MAX_OBJECTS];
	size_t n;
	uint64_t clock;
};

/* --- files --------------------------------------------------------------- */

static void object_shut(struct symbol_object *o)
{
	if (o->dwarf)
		dwarf_end(o->dwarf);
	if (o->elf)
		elf_end(o->elf);
	if (o->fd >= 0)
		close(o->fd);
	free(o->path);
}

static uint64_t stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000007u +
		(uint64_t)st.st_mtim.tv_nsec) ^
	       ((uint64_t)st.st_size << 20) ^ st.st_ino;
}

static struct symbol_object *slot_for(struct symbolizer *s)
{
	struct symbol_object *oldest = &s->objects[0];

	if (s->n < OPEN_MAX_OBJECTS)
		return &s->objects[s->n++];
	for (size_t i = 1; i < s->n; i++)
		if (s->objects[i].used < oldest->used)
			oldest = &s->objects[i];
	object_shut(oldest);
	return oldest;
}

static void object_start(struct symbol_object *o, const char *path,
			 uint64_t stamp)
{
	*o = (struct symbol_object){.path = xstrdup(path), .stamp = stamp};
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0)
		return;
	o->elf = elf_begin(o->fd, ELF_C_READ_MMAP, NULL);
	if (o->elf && elf_kind(o->elf) == ELF_K_ELF)
		o->dwarf = dwarf_begin_elf(o->elf, DWARF_C_READ, NULL);
}

/* What could not be opened stays, so that it is not tried at each frame. */
static struct symbol_object *object_at(struct symbolizer *s, const char *path)
{
	uint64_t stamp = stamp_of(path);
	struct symbol_object *o = NULL;

	for (size_t i = 0; i < s->n && !o; i++)
		if (s->objects[i].stamp == stamp &&
		    !strcmp(s->objects[i].path, path))
			o = &s->objects[i];
	if (!o) {
		o = slot_for(s);
		object_start(o, path, stamp);
	}
	o->used = ++s->clock;
	return o;
}

struct symbolizer *symbolizer_new(void)
{
	elf_version(EV_CURRENT);
	return xcalloc(1, sizeof(struct symbolizer));
}

void symbolizer_free(struct symbolizer *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		object_shut(&s->objects[i]);
	free(s);
}

/* --- symbol tables ------------------------------------------------------- */

static bool covers(const GElf_Sym *sym, unsigned char type, uint64_t offset)
{
	return GELF_ST_TYPE(sym->st_info) == type &&
	       sym->st_shndx != SHN_UNDEF && offset >= sym->st_value &&
	       offset < sym->st_value + sym->st_size;
}

/* The name of the two that a person wrote: libc has __write beside write, and
 * ours may have an alias that the linker sees before it. */
static bool is_better(const char *name, const char *than)
{
	return !than || (than[0] == '_' && name[0] != '_');
}

static void find_in(const struct symbol_object *o, Elf_Scn *scn,
		    const GElf_Shdr *sh, unsigned char type, uint64_t offset,
		    struct symbol_found *found)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
		const char *name;

		if (!covers(&sym, type, offset))
			continue;
		name = elf_strptr(o->elf, sh->sh_link, sym.st_name);
		if (!name || !*name || !is_better(name, found->name))
			continue;
		found->name = name;
		found->begin = sym.st_value;
	}
}

bool symbol_find(const struct symbol_object *o, unsigned char type,
		 uint64_t offset, struct symbol_found *found)
{
	static const GElf_Word tables[] = {SHT_SYMTAB, SHT_DYNSYM};

	*found = (struct symbol_found){0};
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !found->name; i++) {
		Elf_Scn *scn = NULL;
		GElf_Shdr sh;

		while (o->elf && (scn = elf_nextscn(o->elf, scn)))
			if (gelf_getshdr(scn, &sh) && sh.sh_type == tables[i])
				find_in(o, scn, &sh, type, offset, found);
	}
	return found->name != NULL;
}

/* --- code ---------------------------------------------------------------- */

static void frame_add(struct symbol_frames *out, const char *function,
		      const char *file, int line)
{
	out->v = xrealloc(out->v, (out->n + 1) * sizeof(*out->v));
	out->v[out->n++] =
	    (struct symbol_frame){.function =
				      xstrdup(function ? function : "?"),
				  .file = file ? xstrdup(file) : NULL,
				  .line = line};
}

void symbol_frames_free(struct symbol_frames *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].function);
		free(f->v[i].file);
	}
	free(f->v);
	*f = (struct symbol_frames){0};
}

static bool unit_at(Dwarf *dwarf, uint64_t offset, Dwarf_Die *unit)
{
	Dwarf_Off at = 0, next;
	size_t head;

	while (dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(dwarf, at + head, unit) &&
		    dwarf_haspc(unit, offset) > 0)
			return true;
		at = next;
	}
	return false;
}

/* Where an inlined function was called from. */
static void call_place(Dwarf_Die *unit, Dwarf_Die *inlined, const char **file,
		       int *line)
{
	Dwarf_Word index = 0, number = 0;
	Dwarf_Attribute a;
	Dwarf_Files *files;
	size_t n;

	*file = NULL;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &a),
			    &number) != 0)
		number = 0;
	*line = (int)number;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &a), &index) ==
		0 &&
	    dwarf_getsrcfiles(unit, &files, &n) == 0 && index < n)
		*file = dwarf_filesrc(files, index, NULL, NULL);
}

static void line_at(Dwarf_Die *unit, uint64_t offset, const char **file,
		    int *line)
{
	Dwarf_Line *l = dwarf_getsrc_die(unit, offset);

	*line = 0;
	*file = l ? dwarf_linesrc(l, NULL, NULL) : NULL;
	if (l)
		dwarf_lineno(l, line);
}

/*
 * The scopes around OFFSET from the innermost outward. Asked by address, libdw
 * goes on from an inlined function to where that was written; asked by the
 * innermost scope, to where it was inlined.
 */
static int scopes_at(Dwarf_Die *unit, uint64_t offset, Dwarf_Die **scopes)
{
	Dwarf_Die inner;
	int n = dwarf_getscopes(unit, offset, scopes);

	if (n <= 0)
		return 0;
	inner = (*scopes)[0];
	free(*scopes);
	*scopes = NULL;
	return dwarf_getscopes_die(&inner, scopes);
}

/* Each function gets the line that the one inside it was called from. */
static void frames_of(Dwarf_Die *unit, uint64_t offset,
		      struct symbol_frames *out)
{
	Dwarf_Die *scopes = NULL;
	int n = scopes_at(unit, offset, &scopes), line;
	const char *file;

	line_at(unit, offset, &file, &line);
	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_subprogram &&
		    tag != DW_TAG_inlined_subroutine)
			continue;
		frame_add(out, dwarf_diename(&scopes[i]), file, line);
		if (tag == DW_TAG_subprogram)
			break;
		call_place(unit, &scopes[i], &file, &line);
	}
	free(scopes);
}

void symbolize_code(struct symbolizer *s, const char *object, uint64_t offset,
		    struct symbol_frames *out)
{
	struct symbol_object *o = object_at(s, object);
	struct symbol_found found;
	Dwarf_Die unit;

	*out = (struct symbol_frames){0};
	if (o->dwarf && unit_at(o->dwarf, offset, &unit))
		frames_of(&unit, offset, out);
	if (!out->n && symbol_find(o, STT_FUNC, offset, &found))
		frame_add(out, found.name, NULL, 0);
}

/* --- data ---------------------------------------------------------------- */

char *symbolize_data(struct symbolizer *s, const char *object, uint64_t offset)
{
	struct symbol_object *o = object_at(s, object);
	struct symbol_found found;
	char *member, *name;

	if (!symbol_find(o, STT_OBJECT, offset, &found))
		return NULL;
	offset -= found.begin;
	member = symbol_member(o, found.begin, offset);
	if (member)
		name = xasprintf("%s%s", found.name, member);
	else if (offset)
		name = xasprintf("%s+%#llx", found.name,
				 (unsigned long long)offset);
	else
		name = xstrdup(found.name);
	free(member);
	return name;
}
