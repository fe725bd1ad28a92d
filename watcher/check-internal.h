/* SPDX-License-Identifier: MIT
 *
 * What the rules of check.h share: a module of one side, opened, a pair of
 * them, and how a finding is made. Nobody else includes this.
 */
#ifndef WATCHER_CHECK_INTERNAL_H
#define WATCHER_CHECK_INTERNAL_H

#include <elf.h>
#include <libelf.h>

#include "codeserver/descriptor.h"
#include "codeserver/layout.h"
#include "watcher/check.h"
#include "watcher/strmap.h"
#include "watcher/util.h"

/* --- one module (check-image.c) ------------------------------------------- */

struct check_item {
	const char *id;
	uint64_t addr, size;
	uint32_t flags; /* HW_FUNC_*, HW_VAR_* */
	const struct hw_var *var;
	const struct layout_func *func; /* NULL: not known */
	const struct layout_var *type;
};

struct check_image {
	const char *name; /* as the caller calls it */
	char *file;
	Elf *elf;
	const unsigned char *data; /* the whole file */
	size_t len;
	const Elf64_Phdr *ph;
	size_t nph;
	const struct hw_module *desc;
	uint64_t desc_addr;
	struct layout types;
	bool typed; /* there are types in it */
	/* Sorted by id. */
	struct check_item *funcs, *vars;
	size_t nfuncs, nvars;
	const struct check_item **placed; /* sorted by address */
	size_t nplaced;
	struct check_reloc {
		uint64_t at, addend;
		const char *symbol; /* NULL: relative */
	} * relocs;                 /* of data, sorted by address */
	size_t nrelocs;
	struct strmap undefined; /* names that it needs of others */
	Elf64_Shdr init, fini;   /* sh_size 0: none */
	struct strv command;     /* of the compiler; empty: not known */
	char *compiler;          /* what it calls itself; NULL: not known */
};

int check_image_open(struct check_image *im, const struct check_module *m,
		     char **err);
void check_image_close(struct check_image *im);

const struct check_item *check_func(const struct check_image *im,
				    const char *id);
const struct check_item *check_var(const struct check_image *im,
				   const char *id);
/* What ADDR lies in, or NULL. */
const struct check_item *check_item_at(const struct check_image *im,
				       uint64_t addr);

/* An id without its module, "__emutls_v." and number. */
const char *check_bare(const char *id);

/* A function that the compiler made (asan.module_dtor): nobody wrote it, so
 * nothing is told of it. */
bool check_made(const char *id);

#define CHECK_NAME 200

/* "count in next()". */
void check_var_name(const struct check_image *im, const struct check_item *v,
		    char buf[CHECK_NAME]);
/* What the user sees as a variable: not the compiler's own, not a section as a
 * whole, not the value that a thread-local begins with. */
bool check_is_variable(const struct check_item *v);

/* --- its file (check-elf.c) ----------------------------------------------- */

/* The section, with its header in SH; NULL: there is none, SH is zeroed. */
Elf_Scn *check_section(const struct check_image *im, const char *name,
		       Elf64_Shdr *sh);
/* The section's bytes; NULL: it has none. */
const void *check_content(const struct check_image *im, const char *name,
			  size_t *size);
/* The string of section NAME that contains MARK. malloc'd, or NULL. */
char *check_string_with(const struct check_image *im, const char *name,
			const char *mark);
void check_undefined_read(struct check_image *im);
void check_relocs_read(struct check_image *im);

/* SIZE bytes at ADDR as they will be mapped; NULL: they are all zero, or not
 * there. */
const unsigned char *check_bytes(const struct check_image *im, uint64_t addr,
				 uint64_t size);
/* The same from ADDR on, *N bytes that follow one another. */
const unsigned char *check_bytes_from(const struct check_image *im,
				      uint64_t addr, size_t *n);
/* The first relocation at ADDR or behind it; may be the end. */
const struct check_reloc *check_reloc_from(const struct check_image *im,
					   uint64_t addr);

/* --- a pair of them (check.c) --------------------------------------------- */

struct check_pair {
	const struct check_image *was, *is;
	struct check_result *r;
	/* Who needs a global of another module, of either side, asked when a
	 * rule wants to know; NULL: that is not known, and anyone may. */
	struct check_set *set;
	bool code_change;  /* the new side has one */
	struct strv moves; /* ids of the old side's variables that move */
};

/* Whether another module may use the global ID, as far as it is known. */
bool check_used(const struct check_pair *p, const char *id);

/* Where a finding is; file may be NULL. */
struct check_place {
	const char *file;
	unsigned line;
	bool old; /* in the old side's text */
};

/* Adds a finding, to which the caller may add was and is. */
struct check_finding *check_add(struct check_result *r, enum check_rule_id rule,
				const char *module, const char *symbol,
				struct check_place at, const char *fmt, ...)
    PRINTF(6, 7);
/* FILE may be NULL. */
void check_along_add(struct check_result *r, const char *module,
		     const char *file, bool includes);
struct check_place check_func_place(const struct check_image *im,
				    const struct check_item *f);
struct check_place check_var_place(const struct check_image *im,
				   const struct check_item *v);

bool check_same_content(const struct check_image *a,
			const struct check_image *b);

/* One module, both sides. */
void check_images(const struct check_image *was, const struct check_image *is,
		  struct check_set *set, struct check_result *r);

/* --- between modules (check-set.c) ---------------------------------------- */

/* By name, to a struct strv of modules. */
const struct strmap *check_users(struct check_set *set);

/* The module of the set that has a new variable called NAME, or NULL. */
const char *check_moved(struct check_set *set, const char *name, bool tls);

/* Both sides of the module NAME, opened; false: one is missing or no good. */
bool check_set_pair(struct check_set *set, const char *name,
		    const struct check_image **was,
		    const struct check_image **is);
/* Whether a program that runs WAS gets IS: not if it is the same. */
bool check_set_loads(const struct check_set *set, const struct check_image *was,
		     const struct check_image *is);
struct check_result *check_set_result(struct check_set *set);
/* Whether the module NAME is made of FILE as well; false if nobody told. */
bool check_set_includes(const struct check_set *set, const char *name,
			const char *file);

/* --- who was not built again (check-stale.c) ------------------------------ */

/* Neither a struct nor a union, nor made of such: users may well have declared
 * it themselves. */
bool check_is_plain(const struct layout *l, uint32_t type);
/* Of the users of what IS has otherwise than WAS. */
void check_stale_users(struct check_set *set, const struct check_image *was,
		       const struct check_image *is);
void check_stale_module(const struct check_module *m, struct check_result *r);

/* --- the rules ------------------------------------------------------------ */

/* NULL, or why the two cannot be compared (malloc'd). */
char *check_incomparable(const struct check_image *was,
			 const struct check_image *is);
void check_funcs(struct check_pair *p);
void check_vars(struct check_pair *p);
void check_types(struct check_pair *p);
void check_data(struct check_pair *p);
void check_loops(struct check_pair *p);
void check_moves(struct check_pair *p); /* after check_vars */

/* Whether the function, of SIZE bytes at ADDR, never returns. */
bool check_is_endless(const struct check_image *im, uint64_t addr,
		      uint64_t size);

/* --- types (check-types.c) ------------------------------------------------ */

/* Whether what is passed as A is taken as B: what pointers lead to counts by
 * its name, functions by their parameters and results. */
bool check_same_type(const struct layout *was, uint32_t a,
		     const struct layout *is, uint32_t b);

/* Where the type NAME is defined, by the debug information of IM. The file is
 * malloc'd. */
bool check_type_place(const struct check_image *im, const char *name,
		      char **file, unsigned *line);

#endif
