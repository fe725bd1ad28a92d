/* SPDX-License-Identifier: MIT
 *
 * What a hot-built object says of its types, in the object: the section
 * .hw.types. It is not loaded into memory; whoever wants it finds it through
 * the section headers of the file. Written by watcher/types-*.c at the seal,
 * out of debug information; read by layout.h, in the target and in tools.
 *
 * A header, then tables of records; all offsets are from the section's first
 * byte, all names are offsets from that of the strings, which begin and end
 * with a NUL (so 0 is ""), all references between records are indices. Records
 * are as wide as their members say, in the machine's byte order, and each
 * table begins at a multiple of 8, as the section does in its file. The two
 * sides may be of different builds: LAYOUT_VERSION must agree.
 *
 * Types are there but once each: what differs in const, volatile, restrict,
 * _Atomic or typedefs only is one type. Named ones (struct, union, enum) are
 * told apart by what they contain. Of an anonymous struct that a typedef
 * names, that is its name. Index 0 is "not known", index 1 is void.
 *
 * No type contains itself by value, and nothing nests deeper than
 * LAYOUT_DEPTH: each type's depth is greater than those of its parts; and only
 * pointers lead to functions. So recursion by value ends, whoever wrote the
 * section; by pointers it does not.
 */
#ifndef HW_LAYOUT_FORMAT_H
#define HW_LAYOUT_FORMAT_H

#include <stdint.h>

#define LAYOUT_SECTION ".hw.types"
#define LAYOUT_MAGIC "hw.types" /* 8 bytes, no terminator */
#define LAYOUT_VERSION 1
#define LAYOUT_DEPTH 64

enum {
	LAYOUT_UNKNOWN = 0,
	LAYOUT_VOID = 1
}; /* type indices */

enum layout_kind {
	LAYOUT_NONE,     /* index 0 */
	LAYOUT_NOTHING,  /* void */
	LAYOUT_INT,      /* flags say sign; bool; char */
	LAYOUT_FLOAT,    /* float, double, long double by size */
	LAYOUT_ENUM,     /* to: its integer; parts: enumerators */
	LAYOUT_POINTER,  /* to: what it points to */
	LAYOUT_ARRAY,    /* to: element, count of them */
	LAYOUT_STRUCT,   /* parts: members */
	LAYOUT_UNION,    /* parts: members */
	LAYOUT_FUNCTION, /* to: what it returns; parts: parameters */
	LAYOUT_OPAQUE,   /* bytes that are moved whole: complex numbers,
			  * vectors, _BitInt, _Float16, __float128 */
	LAYOUT_KINDS
};

enum {
	LAYOUT_SIGNED = 1,
	LAYOUT_BOOL = 2,
	LAYOUT_CHAR = 4,       /* plain char: arrays of it are strings */
	LAYOUT_INCOMPLETE = 8, /* struct, union, enum: only its name is known */
	LAYOUT_FLEXIBLE = 16,  /* array without a bound; count is 0 */
	LAYOUT_VARIADIC = 32,  /* function that takes more, or anything */
	LAYOUT_TYPEDEF = 64    /* its name is a typedef's, not a tag */
};

struct layout_type {
	uint32_t name; /* tag, or name of a basic type; "" */
	uint8_t kind;  /* enum layout_kind */
	uint8_t flags;
	uint8_t depth; /* more than that of each type it contains by value */
	uint8_t align; /* of its own: the exponent of two that it needs */
	uint32_t to;
	uint32_t first; /* of its parts, which follow each other */
	uint64_t size;  /* bytes */
	uint64_t count; /* of parts; of an array's elements */
};

struct layout_part {
	uint32_t name; /* of a member, enumerator, parameter; "" */
	uint32_t type; /* of a member, parameter */
	int64_t at;    /* a member's LAYOUT_PLACE; an enumerator's value */
};

/* A member's place: its first bit from the beginning of the struct, and, of a
 * bit-field, how many bits it has (else 0). */
#define LAYOUT_PLACE(bit, width) ((int64_t)((uint64_t)(width) << 48 | (bit)))
#define LAYOUT_BIT(at) ((uint64_t)(at)&0xffffffffffffull)
#define LAYOUT_WIDTH(at) ((uint32_t)((uint64_t)(at) >> 48))

enum {
	LAYOUT_VAR_EXTERN = 1, /* another module's, that this one's code uses;
				* its type is not known here */
	LAYOUT_VAR_CONST = 2,
	LAYOUT_VAR_TLS = 4 /* size and type are those of the thread-local
			    * itself, the id its control object's */
};

/* In the order of their ids (strcmp). */
struct layout_var {
	uint32_t id; /* as in the descriptor: "name", "MODULE:name",
		      * "MODULE:function.name" */
	uint32_t type;
	uint32_t spelt; /* its type as declared: "dict_t *[4]" */
	uint32_t file;  /* where it is defined */
	uint32_t line;
	uint32_t flags; /* LAYOUT_VAR_* */
	uint64_t size;  /* bytes: more than its type's, if that ends in a
			 * flexible array */
};

enum {
	LAYOUT_FUNC_CALLABLE = 1 /* has a stub: what calls it may be of another
				  * version */
};

/* In the order of their ids. Of all functions, those without a stub too. */
struct layout_func {
	uint32_t id;
	uint32_t type; /* a LAYOUT_FUNCTION, or LAYOUT_UNKNOWN */
	uint32_t file;
	uint32_t line;
	uint32_t uses; /* the first of its uses */
	uint32_t nuses;
	uint32_t flags; /* LAYOUT_FUNC_* */
	uint32_t size;  /* bytes of code */
	uint64_t addr;  /* where it was linked for, and is */
};

/* A use is a variable's index, or a function's with this bit. */
#define LAYOUT_USE_FUNC 0x80000000u

/* A pointer that a function has in a local variable, or that a cast makes (no
 * function, no name): what it points to may be anywhere, though only void
 * pointers lead there. One for each such type. */
struct layout_local {
	uint32_t func; /* its name; it may have no code of its own */
	uint32_t name;
	uint32_t type; /* not always a pointer: what holds some, too */
};

struct layout_header {
	char magic[8];
	uint32_t version;
	uint32_t size; /* of the section, bytes */
	uint32_t types, ntypes;
	uint32_t parts, nparts;
	uint32_t vars, nvars;
	uint32_t funcs, nfuncs;
	uint32_t uses, nuses; /* uint32_t each */
	uint32_t locals, nlocals;
	uint32_t strings, nstrings; /* bytes */
};

#endif
