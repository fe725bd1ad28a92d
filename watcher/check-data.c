/* SPDX-License-Identifier: MIT
 *
 * Initial values and constructors. A new initial value goes by itself to what
 * the program has not changed, so it is told, not warned of; which live values
 * conflict with it only the load can say.
 *
 * Two initial values are the same if their bytes are and what they point to
 * is: a variable or a function by its id, a string by what it says. Addresses
 * themselves differ between any two links.
 */
#include <string.h>

#include "watcher/check-internal.h"

#define STRING_MAX 4096

/* --- values --------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	return hw_checksum(h, data, n);
}

/* A string, or whatever else has no name, as far as its first NUL. */
static uint64_t mix_unnamed(const struct check_image *im, uint64_t h,
			    uint64_t addr)
{
	const unsigned char *s;
	size_t n = 0;

	while (n < STRING_MAX && (s = check_bytes(im, addr + n, 1)) && *s)
		n++;
	s = check_bytes(im, addr, n ? n : 1);
	return s ? mix(h, s, n) : h;
}

static uint64_t mix_target(const struct check_image *im, uint64_t h,
			   const struct check_reloc *r)
{
	const struct check_item *to;
	uint64_t offset = r->addend;

	if (r->symbol) {
		h = mix(h, r->symbol, strlen(r->symbol));
		return mix(h, &offset, sizeof(offset));
	}
	to = check_item_at(im, r->addend);
	if (!to || check_bare(to->id)[0] == '.')
		return mix_unnamed(im, h, r->addend);
	offset -= to->addr;
	h = mix(h, to->id, strlen(to->id));
	return mix(h, &offset, sizeof(offset));
}

/* The initial value of SIZE bytes at ADDR. */
static uint64_t value_hash(const struct check_image *im, uint64_t addr,
			   uint64_t size)
{
	const struct check_reloc *r = check_reloc_from(im, addr);
	const struct check_reloc *end = im->relocs + im->nrelocs;
	uint64_t h = 1, at = addr;

	while (at < addr + size) {
		uint64_t next = addr + size;
		const unsigned char *s;

		if (r < end && r->at < next)
			next = r->at;
		s = check_bytes(im, at, next - at);
		for (uint64_t i = 0; i < next - at; i++)
			h = (h ^ (s ? s[i] : 0)) * 0x100000001b3ull;
		at = next;
		if (r < end && r->at == at && at < addr + size) {
			h = mix_target(im, h, r++);
			at += sizeof(uint64_t);
		}
	}
	return h;
}

/* Of a thread-local: the value that each thread begins with, to which the
 * fourth word of its control object points. */
static uint64_t thread_local_hash(const struct check_image *im,
				  const struct check_item *v)
{
	uint64_t field = v->addr + 3 * sizeof(uint64_t);
	const struct check_reloc *r = check_reloc_from(im, field);

	if (r >= im->relocs + im->nrelocs || r->at != field)
		return 1;
	return value_hash(im, r->addend, v->var->tls_size);
}

static bool same_value(const struct check_pair *p, const struct check_item *a,
		       const struct check_item *b)
{
	if (b->flags & HW_VAR_TLS)
		return thread_local_hash(p->was, a) ==
		       thread_local_hash(p->is, b);
	if (!a->addr || !b->addr)
		return true;
	return value_hash(p->was, a->addr, a->size) ==
	       value_hash(p->is, b->addr, b->size);
}

static void value_changed(struct check_pair *p, const struct check_item *b)
{
	bool constant = b->flags & HW_VAR_CONST;
	char name[CHECK_NAME];

	check_var_name(p->is, b, name);
	check_add(p->r, constant ? RULE_CONSTANT : RULE_INITIALIZER,
		  p->is->name, name, check_var_place(p->is, b),
		  "%s: its %s changed", name,
		  constant ? "value" : "initial value");
}

static void values(struct check_pair *p)
{
	for (size_t i = 0; i < p->is->nvars; i++) {
		const struct check_item *b = &p->is->vars[i];
		const struct check_item *a = check_var(p->was, b->id);

		if (!a || !check_is_variable(b) || (a->flags ^ b->flags))
			continue;
		/* Another type: it is told as that. */
		if (!(b->flags & HW_VAR_CONST) &&
		    (a->size != b->size || a->var->type != b->var->type))
			continue;
		if (!same_value(p, a, b))
			value_changed(p, b);
	}
}

/* --- constructors --------------------------------------------------------- */

/* The functions that the section SH lists, into NAMES. */
static void listed(const struct check_image *im, const Elf64_Shdr *sh,
		   struct strv *names)
{
	const struct check_reloc *r = check_reloc_from(im, sh->sh_addr);
	const struct check_reloc *end = im->relocs + im->nrelocs;

	for (; r < end && r->at < sh->sh_addr + sh->sh_size; r++) {
		const struct check_item *f = r->symbol
						 ? check_func(im, r->symbol)
						 : check_item_at(im, r->addend);

		if (f || r->symbol)
			strv_add(names, f ? f->id : r->symbol);
	}
}

static void constructors(struct check_pair *p)
{
	struct strv was = {0}, is = {0};

	listed(p->was, &p->was->init, &was);
	listed(p->was, &p->was->fini, &was);
	listed(p->is, &p->is->init, &is);
	listed(p->is, &p->is->fini, &is);
	for (size_t i = 0; i < is.n; i++) {
		const struct check_item *f = check_func(p->is, is.v[i]);

		if (strv_has(&was, is.v[i]))
			continue;
		check_add(p->r, RULE_CONSTRUCTOR, p->is->name,
			  check_bare(is.v[i]), check_func_place(p->is, f),
			  "%s is a constructor or destructor: a program that "
			  "runs already does not run it",
			  check_bare(is.v[i]));
	}
	strv_free(&was);
	strv_free(&is);
}

void check_data(struct check_pair *p)
{
	values(p);
	constructors(p);
}
