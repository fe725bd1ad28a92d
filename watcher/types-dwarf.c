/* SPDX-License-Identifier: MIT
 *
 * A type of the table out of a debugging entry: see types.h. typedef, const,
 * volatile, restrict and _Atomic are looked through. A struct, union or enum
 * gets its place in the table when something names it and its parts later, in
 * types_complete, because they may lead back to it; so nothing here goes
 * deeper than pointers to pointers do. Debugging entries that are nonsense
 * (a pointer that is its own target) become LAYOUT_UNKNOWN.
 *
 * Clang writes struct members of what it compiled, completely, also where no
 * code looks inside; elsewhere a declaration stands for them:
 * LAYOUT_INCOMPLETE.
 */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/types.h"

/* --- attributes ----------------------------------------------------------- */

static bool has(Dwarf_Die *die, unsigned at)
{
	return dwarf_hasattr(die, at);
}

uint64_t types_number(Dwarf_Die *die, unsigned at)
{
	Dwarf_Attribute a;
	Dwarf_Sword s;
	Dwarf_Word u;
	unsigned form;

	if (!dwarf_attr_integrate(die, at, &a))
		return 0;
	form = dwarf_whatform(&a); /* others, taken as signed, would be */
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const)
		return dwarf_formsdata(&a, &s) == 0 ? (uint64_t)s : 0;
	return dwarf_formudata(&a, &u) == 0 ? u : 0;
}

bool types_follow(Dwarf_Die *die, unsigned at, Dwarf_Die *to)
{
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, at, &a) && dwarf_formref_die(&a, to);
}

static bool is_transparent(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type ||
	       tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
	       tag == DW_TAG_atomic_type;
}

/* The type of DIE behind typedefs and qualifiers; false: void. */
static bool type_behind(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Die unit;
	int patience = 100; /* for typedefs that lead in a circle */

	if (!types_follow(die, DW_AT_type, type))
		return false;
	while (is_transparent(dwarf_tag(type)))
		if (--patience == 0 || !types_follow(type, DW_AT_type, type))
			return false;
	if (has(type, DW_AT_signature) &&
	    types_follow(type, DW_AT_signature, &unit))
		*type = unit; /* it has a unit of its own */
	return true;
}

static bool has_tag(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_enumeration_type;
}

void types_typedef(struct types *t, Dwarf_Die *die)
{
	Dwarf_Die type;
	struct types_die *d;

	if (!type_behind(die, &type) || !has_tag(dwarf_tag(&type)) ||
	    dwarf_diename(&type))
		return;
	d = types_die(t, type.addr);
	if (!d->name)
		d->name = dwarf_diename(die);
}

/* --- types without a name ------------------------------------------------- */

static uint32_t type_basic(struct types *t, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	uint64_t size = types_number(die, DW_AT_byte_size);
	struct layout_type type = {.kind = LAYOUT_INT,
				   .name = types_string(t, name),
				   .size = size};
	bool fits =
	    size == 1 || size == 2 || size == 4 || size == 8 || size == 16;

	name = layout_str(&(struct layout){.strings = t->strings.s}, type.name);
	switch (types_number(die, DW_AT_encoding)) {
	case DW_ATE_boolean:
		type.flags = LAYOUT_BOOL;
		break;
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		type.flags = LAYOUT_SIGNED;
		break;
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		break;
	case DW_ATE_float:
		type.kind = LAYOUT_FLOAT;
		fits = !strcmp(name, "float") || !strcmp(name, "double") ||
		       !strcmp(name, "long double");
		break;
	default:
		fits = false;
	}
	if (!strcmp(name, "char"))
		type.flags |= LAYOUT_CHAR;
	if (!fits || starts_with(name, "_BitInt") ||
	    starts_with(name, "unsigned _BitInt"))
		type.kind = LAYOUT_OPAQUE;
	return types_like(t, type, NULL, 0);
}

static uint32_t type_pointer(struct types *t, Dwarf_Die *die)
{
	struct layout_type type = {.kind = LAYOUT_POINTER, .size = 8};

	type.to = types_of(t, die);
	return types_like(t, type, NULL, 0);
}

static uint32_t array_of(struct types *t, uint32_t to, Dwarf_Die *range)
{
	struct layout_type type = {.kind = LAYOUT_ARRAY, .to = to};

	if (has(range, DW_AT_count))
		type.count = types_number(range, DW_AT_count);
	else if (has(range, DW_AT_upper_bound))
		type.count = types_number(range, DW_AT_upper_bound) + 1;
	else
		type.flags = LAYOUT_FLEXIBLE;
	if (__builtin_mul_overflow(type.count, t->types[to].size, &type.size) ||
	    type.size > UINT64_MAX / 16)
		return LAYOUT_UNKNOWN;
	return types_like(t, type, NULL, 0);
}

/* RANGE is the first dimension: the last one is next to the elements. */
static uint32_t array_dimensions(struct types *t, uint32_t to, Dwarf_Die range)
{
	Dwarf_Die next = range;

	while (dwarf_siblingof(&next, &next) == 0) {
		if (dwarf_tag(&next) != DW_TAG_subrange_type)
			continue;
		to = array_dimensions(t, to, next);
		break;
	}
	return array_of(t, to, &range);
}

static uint32_t type_array(struct types *t, Dwarf_Die *die)
{
	uint32_t to = types_of(t, die);
	struct layout_type vector = {.kind = LAYOUT_OPAQUE};
	Dwarf_Die range;
	char *name;

	if (dwarf_child(die, &range) != 0 ||
	    dwarf_tag(&range) != DW_TAG_subrange_type)
		return LAYOUT_UNKNOWN;
	if (!has(die, DW_AT_GNU_vector))
		return array_dimensions(t, to, range);
	name = xasprintf("vector of %s", t->strings.s + t->types[to].name);
	vector.name = types_string(t, name);
	free(name);
	vector.size = types_number(die, DW_AT_byte_size);
	if (!vector.size)
		vector.size =
		    types_number(&range, DW_AT_count) * t->types[to].size;
	return types_like(t, vector, NULL, 0);
}

/* --- parts ---------------------------------------------------------------- */

struct parts {
	struct layout_part *v;
	size_t n, cap;
};

static void part_add(struct parts *p, struct layout_part part)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
	}
	p->v[p->n++] = part;
}

uint32_t types_function(struct types *t, Dwarf_Die *die)
{
	struct layout_type type = {.kind = LAYOUT_FUNCTION};
	Dwarf_Die from, child;
	struct parts p = {0};
	uint32_t made;

	/* An instance may lack parameters that were optimized away. */
	if (!types_follow(die, DW_AT_abstract_origin, &from))
		from = *die;
	type.to = types_of(t, &from);
	if (!has(&from, DW_AT_prototyped))
		type.flags = LAYOUT_VARIADIC;
	for (int r = dwarf_child(&from, &child); r == 0;
	     r = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) == DW_TAG_unspecified_parameters)
			type.flags |= LAYOUT_VARIADIC;
		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		made = types_of(t, &child);
		part_add(&p, (struct layout_part){
				 .name = types_string(t, dwarf_diename(&child)),
				 .type = made});
	}
	made = types_like(t, type, p.v, p.n);
	free(p.v);
	return made;
}

static uint32_t type_tagged(struct types *t, Dwarf_Die *die, uint8_t kind)
{
	const char *given = types_die(t, die->addr)->name;
	const char *name = dwarf_diename(die);
	struct layout_type type = {.kind = kind};

	type.name = types_string(t, name ? name : given);
	type.size = types_number(die, DW_AT_byte_size);
	if (!name && given)
		type.flags |= LAYOUT_TYPEDEF;
	if (has(die, DW_AT_declaration))
		type.flags |= LAYOUT_INCOMPLETE;
	return types_new(t, &type);
}

static uint64_t member_bit(struct types *t, Dwarf_Die *m, uint32_t type)
{
	uint64_t bit = types_number(m, DW_AT_data_member_location) * 8;
	uint64_t unit = types_number(m, DW_AT_byte_size);

	if (has(m, DW_AT_data_bit_offset))
		return types_number(m, DW_AT_data_bit_offset);
	if (!has(m, DW_AT_bit_offset))
		return bit;
	/* Before DWARF 4: from the most significant bit of its unit. */
	if (!unit)
		unit = t->types[type].size;
	return bit + unit * 8 - types_number(m, DW_AT_bit_offset) -
	       types_number(m, DW_AT_bit_size);
}

static void struct_complete(struct types *t, uint32_t type, Dwarf_Die *die)
{
	struct parts p = {0};
	Dwarf_Die m;

	for (int r = dwarf_child(die, &m); r == 0;
	     r = dwarf_siblingof(&m, &m)) {
		struct layout_part part;

		if (dwarf_tag(&m) != DW_TAG_member)
			continue;
		part.type = types_of(t, &m);
		part.name = types_string(t, dwarf_diename(&m));
		part.at = LAYOUT_PLACE(member_bit(t, &m, part.type) &
					   0xffffffffffffull,
				       types_number(&m, DW_AT_bit_size));
		part_add(&p, part);
	}
	types_parts_set(t, type, p.v, p.n);
	free(p.v);
}

static void enum_complete(struct types *t, uint32_t type, Dwarf_Die *die)
{
	struct layout_type base = {.kind = LAYOUT_INT,
				   .size = t->types[type].size};
	struct parts p = {0};
	Dwarf_Die e;

	for (int r = dwarf_child(die, &e); r == 0;
	     r = dwarf_siblingof(&e, &e)) {
		struct layout_part part = {0};

		if (dwarf_tag(&e) != DW_TAG_enumerator)
			continue;
		part.name = types_string(t, dwarf_diename(&e));
		part.at = (int64_t)types_number(&e, DW_AT_const_value);
		if (part.at < 0)
			base.flags = LAYOUT_SIGNED;
		part_add(&p, part);
	}
	types_parts_set(t, type, p.v, p.n);
	free(p.v);
	base.name = types_string(t, base.flags ? "int" : "unsigned int");
	base.to = has(die, DW_AT_type) ? types_of(t, die)
				       : types_like(t, base, NULL, 0);
	t->types[type].to = base.to;
	t->types[type].flags |= t->types[base.to].flags & LAYOUT_SIGNED;
}

void types_complete(struct types *t)
{
	while (t->ntodo) {
		Dwarf_Die die = t->todo[--t->ntodo];
		uint32_t type = types_die(t, die.addr)->type;

		if (t->types[type].kind == LAYOUT_ENUM)
			enum_complete(t, type, &die);
		else
			struct_complete(t, type, &die);
	}
}

static void complete_later(struct types *t, const Dwarf_Die *die)
{
	if (t->ntodo == t->captodo) {
		t->captodo = t->captodo ? t->captodo * 2 : 64;
		t->todo = xrealloc(t->todo, t->captodo * sizeof(*t->todo));
	}
	t->todo[t->ntodo++] = *die;
}

/* --- any ------------------------------------------------------------------ */

static uint32_t type_make(struct types *t, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
		return type_basic(t, die);
	case DW_TAG_pointer_type:
		return type_pointer(t, die);
	case DW_TAG_array_type:
		return type_array(t, die);
	case DW_TAG_subroutine_type:
		return types_function(t, die);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		return type_tagged(t, die, LAYOUT_STRUCT);
	case DW_TAG_union_type:
		return type_tagged(t, die, LAYOUT_UNION);
	case DW_TAG_enumeration_type:
		return type_tagged(t, die, LAYOUT_ENUM);
	default:
		return LAYOUT_UNKNOWN;
	}
}

uint32_t types_is(struct types *t, Dwarf_Die *type)
{
	struct types_die *d = types_die(t, type->addr);
	uint32_t made;

	if (d->type || d->busy)
		return d->type;
	d->busy = true;
	made = type_make(t, type);
	d = types_die(t, type->addr); /* they may have moved */
	d->busy = false;
	d->type = made;
	if (has_tag(dwarf_tag(type)) &&
	    !(t->types[made].flags & LAYOUT_INCOMPLETE))
		complete_later(t, type);
	return made;
}

uint32_t types_of(struct types *t, Dwarf_Die *die)
{
	Dwarf_Die type;

	return type_behind(die, &type) ? types_is(t, &type) : LAYOUT_VOID;
}
