/* SPDX-License-Identifier: MIT
 *
 * What a hot-built object says of itself, in the object.
 *
 * Written by watcher/rewrite.c into the section .hw.module of every module's
 * shared object, and by watcher/stubs.c into the stubs' object; read by the
 * code server, in memory. The two sides are built together but a program and
 * a watcher may be of different builds: HW_ABI must agree, or the load is
 * refused.
 *
 * The module descriptor is relative to itself: names are offsets from the
 * descriptor's first byte, addresses are 32-bit distances from the field that
 * holds them (R_X86_64_PC32 against it). So it is read-only, needs no dynamic
 * relocation, and can be read from the mapped file before dlopen as well as
 * from the loaded image (the distances are between virtual addresses, so in a
 * file they cannot be followed, only compared).
 */
#ifndef HW_DESCRIPTOR_H
#define HW_DESCRIPTOR_H

#include <stdint.h>

#define HW_ABI 2
#define HW_MAGIC "hotwatch" /* 8 bytes, no terminator */
#define HW_HASH_SIZE 16

#define HW_ARENA_BASE 0x550000000000ull
#define HW_ARENA_SIZE 0x80000000ull
/* The last bytes of the arena are the code server's own (new stubs, new
 * variables); no object is ever linked for a place there. */
#define HW_ARENA_OWN 0x4000000ull

/* --- a module ------------------------------------------------------------ */

enum {
	HW_FUNC_GLOBAL = 1,    /* the id is the bare name */
	HW_FUNC_ADDRESSED = 2, /* its address is taken, or HOT() names it */
	HW_FUNC_WEAK = 4,      /* another module's global may override it */
};

struct hw_func {
	int32_t entry;  /* &entry + entry is the code of this version */
	uint32_t name;  /* offset of the id */
	uint32_t flags; /* HW_FUNC_* */
	uint32_t size;  /* bytes of code */
};

enum {
	HW_VAR_GLOBAL = 1,  /* the id is the bare name */
	HW_VAR_CONST = 2,   /* lies in memory that is never written */
	HW_VAR_LABELS = 4,  /* holds addresses inside functions: never shared */
	HW_VAR_TLS = 8,     /* an emulated thread-local's control object */
	HW_VAR_SECTION = 16 /* a whole user-named section, not one variable */
};

struct hw_var {
	int32_t addr;   /* &addr + addr is this version's own copy */
	uint32_t name;  /* offset of the id */
	uint32_t flags; /* HW_VAR_* */
	uint32_t align; /* bytes */
	uint64_t
	    size; /* bytes of the copy; of a thread-local, of the control */
	uint64_t type;     /* hash of the type, deeply; 0: not known */
	uint64_t tls_size; /* bytes of the thread-local itself, else 0 */
};

enum {
	HW_REF_PC32 =
	    1, /* a displacement in code: add how far the target moved */
	HW_REF_ABS64 = 2, /* a pointer in data: add how far the target moved */
	HW_REF_CALL = 3   /* the displacement of a call that may go to the PLT;
			   * version 0's only, var means nothing */
};

struct hw_ref {
	int32_t site;      /* &site + site is the place to mend */
	uint32_t var : 24; /* index of the variable it names */
	uint32_t kind : 8; /* HW_REF_* */
};

struct hw_module {
	char magic[8];
	uint32_t abi;
	uint32_t size;              /* of the descriptor, bytes */
	uint64_t checksum;          /* hw_checksum of the whole file, this
				     * field taken as 0; written by the seal */
	uint8_t hash[HW_HASH_SIZE]; /* content hash */
	uint32_t name;              /* offset: the module's name */
	uint32_t source;            /* offset: absolute path of its source */
	uint32_t nfuncs, funcs;     /* count; offset of struct hw_func[] */
	uint32_t nvars, vars;
	uint32_t nrefs, refs;
	int32_t plt; /* &plt + plt is the PLT entry of the first JUMP_SLOT; the
		      * others follow, 16 bytes each; 0: no PLT. The seal's */
	uint32_t reserved;
};

/* st_size of an undefined symbol that the seal made weak. */
#define HW_UNDEF_STRONG 0x6877

/* The symbol that names a module's descriptor: "hw.module.NAME", global. */
#define HW_MODULE_SYMBOL "hw.module."

/* Each thread-local has a room of its own in the program's block. */
#define HW_TLS_ALIGN 64ull
#define HW_TLS_ROOM(size) (((size) + HW_TLS_ALIGN - 1) & ~(HW_TLS_ALIGN - 1))

/* --- the program (the stubs' object) ------------------------------------- */

struct hw_program_module {
	const struct hw_module *desc; /* filled by the dynamic linker */
	uint32_t first; /* table index of its first function: those of
			 * desc->funcs follow in order */
	uint32_t nfuncs;
	const char *file; /* absolute path of its shared object */
};

/* The symbol hw_program. */
struct hw_program {
	char magic[8];
	uint32_t abi;
	uint32_t nmodules;
	uint32_t nfuncs;
	uint32_t reserved;
	const struct hw_program_module *modules;
	const void *stubs;    /* stub n is at stubs + 16 * n */
	void ***table;        /* the pointer that every stub loads */
	void **first_table;   /* nfuncs entries, all zero in the file */
	const char *manifest; /* absolute path */
	const char *root;
	const char *program; /* absolute path as linked */
	/* What hw_emutls_get_address does for the thread-locals of the start,
	 * near and short; the others it passes on. */
	const void *emutls;
	/* The block in which those live, in every thread: its distance from
	 * the thread pointer, and its size. */
	int64_t (*tls_offset)(void);
	uint64_t tls_size;
};

/*
 * Checksum of LEN bytes, in four lanes that the processor runs side by side:
 * 0.1 ms a megabyte. Not for secrets: it tells a truncated or bit-flipped file
 * from a whole one.
 */
static inline uint64_t hw_checksum_word(uint64_t h, const unsigned char *p)
{
	uint64_t w;

	__builtin_memcpy(&w, p, 8);
	h = (h ^ w) * 0x9fb21c651e98df25ull;
	return h ^ h >> 32;
}

static inline uint64_t hw_checksum(uint64_t seed, const void *data,
				   uint64_t len)
{
	uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3;
	const unsigned char *p = data;
	unsigned char last[32] = {0};

	for (uint64_t left = len;; p += 32, left -= 32) {
		if (left < 32) {
			if (left)
				__builtin_memcpy(last, p, left);
			p = last;
		}
		a = hw_checksum_word(a, p);
		b = hw_checksum_word(b, p + 8);
		c = hw_checksum_word(c, p + 16);
		d = hw_checksum_word(d, p + 24);
		if (left < 32)
			break;
	}
	a = hw_checksum_word(a ^ len, (const unsigned char *)&b);
	a = hw_checksum_word(a, (const unsigned char *)&c);
	return hw_checksum_word(a, (const unsigned char *)&d);
}

#endif
