/* SPDX-License-Identifier: MIT
 *
 * Where a type is defined, by the debug information: objects tell that of
 * functions and variables only (layout-format.h), because nobody but a finding
 * asks for it. So it is read at the first question to an image, and all its
 * types are noted: a header that changed gives many findings.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check-internal.h"

static bool is_definition(Dwarf_Die *die, const char *name)
{
	int tag = dwarf_tag(die);
	const char *s = dwarf_diename(die);

	return s && !strcmp(s, name) &&
	       !dwarf_hasattr(die, DW_AT_declaration) &&
	       (tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
		tag == DW_TAG_enumeration_type || tag == DW_TAG_typedef);
}

/* libdw takes file 0, which since DWARF 5 is the unit's own, for none. */
static char *file_of(Dwarf_Die *unit, Dwarf_Die *die)
{
	const char *name = dwarf_diename(unit), *dir;
	Dwarf_Attribute a;
	Dwarf_Word n;

	if (!dwarf_attr(die, DW_AT_decl_file, &a) ||
	    dwarf_formudata(&a, &n) != 0)
		return NULL;
	if (n)
		name = dwarf_decl_file(die);
	dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &a));
	return name ? path_absolute(dir ? dir : "/", name) : NULL;
}

static bool place_in(Dwarf_Die *unit, const char *name, char **file,
		     unsigned *line)
{
	Dwarf_Die die;
	int n;

	if (dwarf_child(unit, &die) != 0)
		return false;
	do {
		if (!is_definition(&die, name) ||
		    dwarf_decl_line(&die, &n) != 0)
			continue;
		*file = file_of(unit, &die);
		*line = (unsigned)n;
		return *file != NULL;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

bool check_type_place(const struct check_image *im, const char *name,
		      char **file, unsigned *line)
{
	Dwarf *dw = dwarf_begin_elf(im->elf, DWARF_C_READ, NULL);
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	bool there = false;

	while (dw && !there &&
	       dwarf_get_units(dw, cu, &cu, NULL, NULL, &unit, NULL) == 0)
		there = place_in(&unit, name, file, line);
	if (dw)
		dwarf_end(dw);
	return there;
}
