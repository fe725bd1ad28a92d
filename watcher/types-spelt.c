/* SPDX-License-Identifier: MIT
 *
 * The type of a variable in the words of its declaration, typedefs and all,
 * because "size_t" says more to who wrote it than "unsigned long". Without
 * qualifiers, which say nothing of a value that changed its shape.
 */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "watcher/types.h"

#define SPELT 200

static void put(Dwarf_Die *die, int depth, const char *inner, char out[SPELT]);

/* What DIE's type is called, around INNER. */
static void put_target(Dwarf_Die *die, int depth, const char *inner,
		       char out[SPELT])
{
	const char *space = *inner == '*' || *inner == '(' ? " " : "";
	Dwarf_Die type;

	if (depth > 8)
		snprintf(out, SPELT, "...%s", inner);
	else if (!types_follow(die, DW_AT_type, &type))
		snprintf(out, SPELT, "void%s%s", space, inner);
	else
		put(&type, depth + 1, inner, out);
}

static void put_pointer(Dwarf_Die *die, int depth, const char *inner,
			char out[SPELT])
{
	char more[SPELT];
	Dwarf_Die to;
	int tag = types_follow(die, DW_AT_type, &to) ? dwarf_tag(&to) : 0;
	bool far = tag == DW_TAG_array_type || tag == DW_TAG_subroutine_type;

	snprintf(more, sizeof(more), far ? "(*%s)" : "*%s", inner);
	put_target(die, depth, more, out);
}

static void put_array(Dwarf_Die *die, int depth, const char *inner,
		      char out[SPELT])
{
	char more[SPELT];
	Dwarf_Die range;

	snprintf(more, sizeof(more), "%s", inner);
	for (int r = dwarf_child(die, &range); r == 0;
	     r = dwarf_siblingof(&range, &range)) {
		uint64_t count = types_number(&range, DW_AT_count);
		size_t at = strlen(more);

		if (dwarf_hasattr(&range, DW_AT_count))
			snprintf(more + at, sizeof(more) - at, "[%llu]",
				 (unsigned long long)count);
		else
			snprintf(more + at, sizeof(more) - at, "[]");
	}
	put_target(die, depth, more, out);
}

static void put_function(Dwarf_Die *die, int depth, const char *inner,
			 char out[SPELT])
{
	char more[SPELT], one[SPELT];
	const char *before = "";
	Dwarf_Die p;
	size_t at;

	snprintf(more, sizeof(more), "%s(", inner);
	for (int r = dwarf_child(die, &p); r == 0;
	     r = dwarf_siblingof(&p, &p)) {
		snprintf(one, sizeof(one), "...");
		if (dwarf_tag(&p) == DW_TAG_formal_parameter)
			put_target(&p, depth, "", one);
		at = strlen(more);
		snprintf(more + at, sizeof(more) - at, "%s%s", before, one);
		before = ", ";
	}
	at = strlen(more);
	snprintf(more + at, sizeof(more) - at, "%s)", *before ? "" : "void");
	put_target(die, depth, more, out);
}

static const char *word_of(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return "struct ";
	case DW_TAG_union_type:
		return "union ";
	case DW_TAG_enumeration_type:
		return "enum ";
	default:
		return "";
	}
}

static void put(Dwarf_Die *die, int depth, const char *inner, char out[SPELT])
{
	const char *name = dwarf_diename(die);

	switch (dwarf_tag(die)) {
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
		put_target(die, depth, inner, out);
		break;
	case DW_TAG_pointer_type:
		put_pointer(die, depth, inner, out);
		break;
	case DW_TAG_array_type:
		put_array(die, depth, inner, out);
		break;
	case DW_TAG_subroutine_type:
		put_function(die, depth, inner, out);
		break;
	default:
		snprintf(out, SPELT, "%s%s%s%s", word_of(dwarf_tag(die)),
			 name ? name : "{...}",
			 *inner == '*' || *inner == '(' ? " " : "", inner);
	}
}

uint32_t types_spelt(struct types *t, Dwarf_Die *die)
{
	char out[SPELT] = "";

	put_target(die, 0, "", out);
	return types_string(t, out);
}
