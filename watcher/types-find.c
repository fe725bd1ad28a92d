/* SPDX-License-Identifier: MIT
 *
 * See types.h: goes through the debug information once, and notes what it
 * says of the variables that are asked for, of the functions, and of pointers
 * that functions have. types-match.c says which variable and function a
 * debugging entry is about; types-dwarf.c makes the types.
 *
 * A type that only a cast names is found as well: clang lists such types below
 * the unit, and every pointer type is there too.
 */
#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/types-find.h"

/* --- pointers ------------------------------------------------------------- */

static bool may_hold_pointer(const struct types *t, uint32_t type)
{
	while (t->types[type].kind == LAYOUT_ARRAY)
		type = t->types[type].to;
	return t->types[type].kind == LAYOUT_POINTER ||
	       t->types[type].kind == LAYOUT_STRUCT ||
	       t->types[type].kind == LAYOUT_UNION;
}

static void local_note(struct types_search *s, const char *func,
		       const char *name, uint32_t type)
{
	if (!may_hold_pointer(&s->t, type))
		return;
	if (type >= s->capnoted) {
		size_t cap = s->t.cap;

		s->noted = xrealloc(s->noted, cap * sizeof(*s->noted));
		memset(s->noted + s->capnoted, 0,
		       (cap - s->capnoted) * sizeof(*s->noted));
		s->capnoted = cap;
	}
	if (s->noted[type])
		return;
	s->noted[type] = true;
	if (!(s->nlocals & (s->nlocals - 1)))
		s->locals =
		    xrealloc(s->locals, (s->nlocals ? s->nlocals * 2 : 1) *
					    sizeof(*s->locals));
	s->locals[s->nlocals++] =
	    (struct types_local){.func = types_string(&s->t, func),
				 .name = types_string(&s->t, name),
				 .type = type};
}

/* --- functions ------------------------------------------------------------ */

static void walk(struct types_search *s, const char *func, Dwarf_Die *die);

static void function(struct types_search *s, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	struct types_func *f = NULL;
	Dwarf_Addr addr;

	if (s->uses && dwarf_lowpc(die, &addr) == 0)
		f = types_match_func(s, addr);
	if (f) {
		f->type = types_function(&s->t, die);
		f->line = (uint32_t)types_number(die, DW_AT_decl_line);
		f->file = types_file(s, die);
		types_match_alike(s, f, addr);
	}
	walk(s, name ? name : "", die);
}

static void local(struct types_search *s, const char *func, Dwarf_Die *die)
{
	if (s->uses)
		local_note(s, func, dwarf_diename(die), types_of(&s->t, die));
}

/* Visits what lies below DIE, which is in FUNC (NULL: in none; "": in one
 * without a name). */
static void walk(struct types_search *s, const char *func, Dwarf_Die *die)
{
	const char *name;
	Dwarf_Die child;

	for (int r = dwarf_child(die, &child); r == 0;
	     r = dwarf_siblingof(&child, &child)) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
			types_match_var(s, func, &child);
			if (func)
				local(s, func, &child);
			break;
		case DW_TAG_formal_parameter:
			local(s, func, &child);
			break;
		case DW_TAG_subprogram:
			function(s, &child);
			break;
		case DW_TAG_inlined_subroutine:
			name = dwarf_diename(&child);
			walk(s, name ? name : "", &child);
			break;
		case DW_TAG_lexical_block:
			walk(s, func, &child);
			break;
		default:
			break;
		}
	}
}

/* --- units ---------------------------------------------------------------- */

static void typedefs(struct types_search *s, Dwarf_Die *unit)
{
	Dwarf_Die child;

	for (int r = dwarf_child(unit, &child); r == 0;
	     r = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_typedef)
			types_typedef(&s->t, &child);
}

static void casts(struct types_search *s, Dwarf_Die *unit)
{
	Dwarf_Die child;

	for (int r = dwarf_child(unit, &child); r == 0;
	     r = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_pointer_type)
			local_note(s, "", "", types_is(&s->t, &child));
}

static void unit(struct types_search *s, Dwarf_Die *die)
{
	s->unit = die;
	if (s->units++)
		s->t.several = true;
	typedefs(s, die);
	walk(s, NULL, die);
	if (s->uses)
		casts(s, die);
	types_complete(&s->t);
}

static void units(struct types_search *s, Dwarf *dbg)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t kind;

	while (dwarf_get_units(dbg, cu, &cu, NULL, &kind, &die, &split) == 0) {
		if (kind == DW_UT_skeleton && dwarf_tag(&split) > 0)
			unit(s, &split);
		else if (kind != DW_UT_type)
			unit(s, &die);
	}
}

/* --- the whole ------------------------------------------------------------ */

static void section_make(struct types_search *s, struct text *section)
{
	struct types_content c = {.uses = s->uses,
				  .vars = s->vars,
				  .nvars = s->nvars,
				  .funcs = s->funcs,
				  .locals = s->locals,
				  .nlocals = s->nlocals};

	types_emit(&s->t, &c, section);
}

int types_read(const char *path, struct types_var *v, size_t n,
	       const struct layout *uses, struct text *section, char **err)
{
	struct types_search s;
	Dwarf *dbg;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, "cannot read the types of %s: %s", path,
			    strerror(errno));
	types_match_begin(&s, v, n, uses);
	dbg = dwarf_begin(fd, DWARF_C_READ); /* NULL: no debug information */
	if (dbg) {
		units(&s, dbg);
		types_match_end(&s);
	}
	if (section)
		section_make(&s, section);
	if (dbg)
		dwarf_end(dbg);
	types_match_free(&s);
	close(fd);
	return 0;
}
