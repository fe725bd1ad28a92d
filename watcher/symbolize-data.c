/* SPDX-License-Identifier: MIT
 *
 * From a place inside a variable to what a C programmer would write for it:
 * handlers[2].fn. The variable is found in the debug information by its
 * address, then its type is descended as far as it goes; what is left over, or
 * cannot be told (a union, a thread-local), is shown as "+0x18".
 */
#include "watcher/symbolize-internal.h"

#include "watcher/util.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32 /* of a type: a damaged file may have it circular */

/* Whether the location of DIE is the plain address AT. */
static bool lies_at(Dwarf_Die *die, uint64_t at)
{
	Dwarf_Attribute a, addr;
	Dwarf_Addr value;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a) ||
	    dwarf_getlocation(&a, &ops, &n) != 0 || n != 1)
		return false;
	if (ops[0].atom == DW_OP_addr)
		return ops[0].number == at;
	return dwarf_getlocation_attr(&a, &ops[0], &addr) == 0 &&
	       dwarf_formaddr(&addr, &value) == 0 && value == at;
}

/* The variable at AT, below DIE: statics lie in functions too. */
static bool variable_below(Dwarf_Die *die, uint64_t at, int depth,
			   Dwarf_Die *found)
{
	Dwarf_Die child;

	if (depth > DEPTH || dwarf_child(die, &child) != 0)
		return false;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_variable && lies_at(&child, at)) {
			*found = child;
			return true;
		}
		if ((tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block) &&
		    variable_below(&child, at, depth + 1, found))
			return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static bool variable_at(Dwarf *dwarf, uint64_t at, Dwarf_Die *found)
{
	Dwarf_Off off = 0, next;
	Dwarf_Die unit;
	size_t head;

	while (dwarf_nextcu(dwarf, off, &next, &head, NULL, NULL, NULL) == 0) {
		if (dwarf_offdie(dwarf, off + head, &unit) &&
		    variable_below(&unit, at, 0, found))
			return true;
		off = next;
	}
	return false;
}

/* --- types --------------------------------------------------------------- */

/* The type of DIE, without typedefs and qualifiers. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute a;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &a),
				 type) &&
	       dwarf_peel_type(type, type) == 0;
}

static uint64_t size_of(Dwarf_Die *type)
{
	Dwarf_Word size = 0;

	return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

/* How many elements a dimension of an array has; 0: not said. */
static uint64_t elements(Dwarf_Die *dimension)
{
	Dwarf_Attribute a;
	Dwarf_Word n = 0;

	if (dwarf_formudata(dwarf_attr(dimension, DW_AT_count, &a), &n) == 0)
		return n;
	if (dwarf_formudata(dwarf_attr(dimension, DW_AT_upper_bound, &a), &n) ==
	    0)
		return n + 1;
	return 0;
}

/* Steps into an array: TYPE and OFFSET are its element's then. */
static bool into_array(struct text *way, Dwarf_Die *type, uint64_t *offset)
{
	uint64_t whole = size_of(type), n;
	Dwarf_Die dimension, element;
	bool more;

	if (dwarf_child(type, &dimension) != 0 || !type_of(type, &element))
		return false;
	do {
		n = elements(&dimension);
		if (!n || whole % n)
			return false;
		whole /= n;
		if (!whole)
			return false;
		text_printf(way, "[%llu]",
			    (unsigned long long)(*offset / whole));
		*offset %= whole;
		more = dwarf_siblingof(&dimension, &dimension) == 0;
	} while (more);
	*type = element;
	return true;
}

static bool into_struct(struct text *way, Dwarf_Die *type, uint64_t *offset)
{
	Dwarf_Die member, its;
	Dwarf_Attribute a;

	if (dwarf_child(type, &member) != 0)
		return false;
	do {
		Dwarf_Word at = 0;

		if (dwarf_tag(&member) != DW_TAG_member ||
		    !type_of(&member, &its))
			continue;
		if (dwarf_formudata(dwarf_attr(&member,
					       DW_AT_data_member_location, &a),
				    &at) != 0 ||
		    *offset < at || *offset >= at + size_of(&its))
			continue;
		if (dwarf_diename(&member))
			text_printf(way, ".%s", dwarf_diename(&member));
		*offset -= at;
		*type = its;
		return true;
	} while (dwarf_siblingof(&member, &member) == 0);
	return false;
}

static bool step_into(struct text *way, Dwarf_Die *type, uint64_t *offset)
{
	switch (dwarf_tag(type)) {
	case DW_TAG_array_type:
		return into_array(way, type, offset);
	case DW_TAG_structure_type:
		return into_struct(way, type, offset);
	default:
		return false;
	}
}

char *symbol_member(const struct symbol_object *o, uint64_t begin,
		    uint64_t offset)
{
	struct text way = {0};
	Dwarf_Die die;

	if (!o->dwarf || !variable_at(o->dwarf, begin, &die) ||
	    !type_of(&die, &die))
		return NULL;
	for (int i = 0; i < DEPTH && step_into(&way, &die, &offset); i++)
		;
	if (offset)
		text_printf(&way, "+%#llx", (unsigned long long)offset);
	return text_take(&way);
}
