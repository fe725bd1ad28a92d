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

/* --- values --------------------------------------------------------------- */

/* N bytes of initial value: at A of the old side, at B of the new one. */
struct bytes {
	const struct check_image *was, *is;
	uint64_t a, b;
};

static bool is_zero(const unsigned char *s, uint64_t n)
{
	return !n || (!s[0] && !memcmp(s, s + 1, n - 1));
}

static bool same_plain(const struct bytes *v, uint64_t at, uint64_t n)
{
	const unsigned char *x = check_bytes(v->was, v->a + at, n);
	const unsigned char *y = check_bytes(v->is, v->b + at, n);

	if (x && y)
		return !memcmp(x, y, n);
	return x ? is_zero(x, n) : !y || is_zero(y, n);
}

/* Strings, and whatever else has no name, as far as the first NUL. */
static bool same_unnamed(const struct check_image *was, uint64_t a,
			 const struct check_image *is, uint64_t b)
{
	size_t n, m;
	const unsigned char *x = check_bytes_from(was, a, &n);
	const unsigned char *y = check_bytes_from(is, b, &m);

	if (!x || !y)
		return !x == !y;
	n = strnlen((const char *)x, n);
	m = strnlen((const char *)y, m);
	return n == m && !memcmp(x, y, n);
}

/* What two words of data point to. */
static bool same_target(const struct bytes *v, const struct check_reloc *r,
			const struct check_reloc *q)
{
	const struct check_item *x, *y;

	if (!r->symbol != !q->symbol)
		return false;
	if (r->symbol)
		return !strcmp(r->symbol, q->symbol) && r->addend == q->addend;
	x = check_item_at(v->was, r->addend);
	y = check_item_at(v->is, q->addend);
	if (!x || !y)
		return !x == !y &&
		       same_unnamed(v->was, r->addend, v->is, q->addend);
	return !strcmp(x->id, y->id) &&
	       r->addend - x->addr == q->addend - y->addr;
}

/* From relocation to relocation, which must be at the same places. */
static bool same_bytes(const struct bytes *v, uint64_t size)
{
	const struct check_reloc *r = check_reloc_from(v->was, v->a);
	const struct check_reloc *q = check_reloc_from(v->is, v->b);
	const struct check_reloc *r_end = v->was->relocs + v->was->nrelocs;
	const struct check_reloc *q_end = v->is->relocs + v->is->nrelocs;
	uint64_t at = 0;

	while (at < size) {
		uint64_t x = r < r_end ? r->at - v->a : size;
		uint64_t y = q < q_end ? q->at - v->b : size;
		uint64_t next = x < size ? x : size;

		if (next != (y < size ? y : size) ||
		    !same_plain(v, at, next - at))
			return false;
		if (next < size && !same_target(v, r++, q++))
			return false;
		at = next + sizeof(uint64_t);
	}
	return true;
}

/* Of a thread-local: where the value is that each thread begins with, to which
 * the fourth word of its control object points; 0: it begins as zero. */
static uint64_t first_value(const struct check_image *im,
			    const struct check_item *v)
{
	uint64_t field = v->addr + 3 * sizeof(uint64_t);
	const struct check_reloc *r = check_reloc_from(im, field);

	return r < im->relocs + im->nrelocs && r->at == field ? r->addend : 0;
}

static bool same_value(const struct check_pair *p, const struct check_item *a,
		       const struct check_item *b)
{
	struct bytes v = {p->was, p->is, a->addr, b->addr};
	uint64_t size = a->size;

	if (b->flags & HW_VAR_TLS) {
		v.a = first_value(p->was, a);
		v.b = first_value(p->is, b);
		size = a->var->tls_size;
		if (!v.a != !v.b || size != b->var->tls_size)
			return false;
	} else if (size != b->size) {
		return false;
	}
	return !v.a || !v.b || same_bytes(&v, size);
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

		if (strv_has(&was, is.v[i]) || check_made(is.v[i]))
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
