/* SPDX-License-Identifier: MIT
 *
 * The fourth step of a load: a new image's references are turned to the stubs
 * and to the one storage of each variable, so that its code could run.
 *
 * What is shared between versions and what is not:
 * - a variable that can be written: always the first one's storage. Its size
 *   and type must be what they were, or the load is refused (unsafe);
 * - a constant: the old one's if the bytes are equal once bound, else its own;
 *   programs compare such addresses, so equal ones keep theirs;
 * - a variable that holds addresses of labels: always its own, because labels
 *   belong to one version's code;
 * - a variable that is new: storage that load-names.c has found.
 *
 * An image that was bound before and becomes current again is left as it is,
 * but for names of other modules' constants, which may have moved meanwhile.
 * Its own writable data may be what the whole program uses (version 0's is), so
 * pointers in data are not touched, and code that a lingering thread may be
 * running is not either.
 */
#include <stdlib.h>
#include <string.h>

#include "codeserver/arena.h"
#include "codeserver/load-internal.h"
#include "codeserver/merge.h"
#include "codeserver/registry.h"

/* Constants: with everything else bound, equal bytes mean equal meaning. */
static void part_constants(struct part *p)
{
	const struct hw_image *image = &p->version->image;
	const struct hw_module *d = image->desc;

	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];
		struct hw_variable *was = registry_var(desc_str(d, v->name));

		if (!was || !var_private(d, v, was) || !v->addr ||
		    ((v->flags | was->flags) & HW_VAR_LABELS) ||
		    !(was->flags & HW_VAR_CONST) || was->size != v->size ||
		    (v->align && (uintptr_t)was->addr % v->align))
			continue;
		if (raw_equal(desc_at(&v->addr), was->addr, v->size))
			p->canonical[i] = was->addr;
	}
}

/* Only the constants that stay where they were are turned now. */
static int part_refs(struct load_set *s, struct part *p)
{
	struct hw_image *image = &p->version->image;
	const struct hw_module *d = image->desc;
	void **only = calloc(d->nvars + 1, sizeof(*only));
	int r;

	if (!only)
		return load_no_memory(s->f);
	for (uint32_t i = 0; i < d->nvars; i++)
		if (desc_vars(d)[i].flags & HW_VAR_CONST)
			only[i] = p->canonical[i];
	r = bind_refs(image, only, HW_REF_ABS64);
	free(only);
	if (r == 0)
		r = bind_refs(image, p->canonical, HW_REF_PC32);
	return r < 0 ? failure_set(s->f, "misplaced", p->item->module, NULL,
				   "%s: too far from the variables it uses",
				   p->item->file)
		     : 0;
}

/* A global constant that is not the old one any more: its own module names it
 * by the GOT too. Label tables likewise. */
static void part_own_globals(struct part *p)
{
	struct hw_image *image = &p->version->image;
	const struct hw_module *d = image->desc;

	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];

		if ((v->flags & HW_VAR_GLOBAL) && !p->canonical[i] && v->addr)
			bind_global(image, desc_str(d, v->name),
				    desc_at(&v->addr));
	}
}

/* The version that has ADDR among its constants, current or not. */
static struct hw_version *version_at(uintptr_t addr)
{
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_mod *m = &hw_guest.mods[i];

		if (m->current && image_has(&m->current->image, addr))
			return m->current;
		for (struct hw_version *v = m->old; v; v = v->older)
			if (image_has(&v->image, addr))
				return v;
		for (struct hw_version *v = m->fenced; v; v = v->older)
			if (image_has(&v->image, addr))
				return v;
	}
	return NULL;
}

static int use_add(struct hw_version *v, struct hw_version *used)
{
	struct hw_version **p;

	if (!used || used == v || !used->image.handle)
		return 0; /* what came with the start stays anyway */
	for (size_t i = 0; i < v->nuses; i++)
		if (v->uses[i] == used)
			return 0;
	p = realloc(v->uses, (v->nuses + 1) * sizeof(*p));
	if (!p)
		return -1;
	v->uses = p;
	p[v->nuses++] = used;
	used->users++;
	return 0;
}

/* Constants of other versions that this one's code names: displacements in
 * code are no words that a search could find, so they are counted. */
static int part_uses(struct load_set *s, struct part *p)
{
	const struct hw_image *i = &p->version->image;
	int r = 0;

	for (uint32_t k = 0; r == 0 && k < i->desc->nvars; k++)
		if ((desc_vars(i->desc)[k].flags & HW_VAR_CONST) &&
		    p->canonical[k])
			r = use_add(p->version,
				    version_at((uintptr_t)p->canonical[k]));
	for (size_t k = 0; r == 0 && k < i->nrela; k++) {
		const ElfW(Rela) *rela = &i->rela[k];
		const char *id = image_symbol(i, rela);
		struct hw_variable *v = id ? registry_var(id) : NULL;

		if (v && (v->flags & HW_VAR_CONST))
			r = use_add(p->version, version_at((uintptr_t)v->addr));
	}
	return r < 0 ? load_no_memory(s->f) : 0;
}

static int part_bind(struct load_set *s, struct part *p)
{
	const struct hw_names names = {load_func_index, load_var_addr, s};
	struct hw_image *image = &p->version->image;

	if (bind_plt(image, &names) < 0)
		return failure_set(s->f, "misplaced", p->item->module, NULL,
				   "%s: its code cannot be changed here "
				   "(mprotect refused, or too far away)",
				   p->item->file);
	if (bind_relocations(image, &names, s->f) < 0 ||
	    bind_refs(image, p->canonical, HW_REF_ABS64) < 0)
		return -1;
	part_constants(p);
	if (part_refs(s, p) < 0)
		return -1;
	part_own_globals(p);
	return part_uses(s, p);
}

/* --- once more ------------------------------------------------------------ */

/* A variable of another module has moved since: its layout is another, that
 * this version's code does not know. */
static int again_moved(struct load_set *s, const struct part *p, const char *id)
{
	return failure_set(s->f, "unsafe", p->item->module, id,
			   "variable %s: its layout changed since that version "
			   "of %s was current; load its module's version of "
			   "then at once with it",
			   id, p->item->mod->name);
}

static int part_again(struct load_set *s, struct part *p)
{
	struct hw_image *i = &p->version->image;

	for (size_t k = 0; k < i->nrela; k++) {
		const char *id = image_symbol(i, &i->rela[k]);
		struct hw_variable *v = id ? registry_var(id) : NULL;
		char *slot = (char *)(i->addr + i->rela[k].r_offset);

		if (!v || ELF64_R_TYPE(i->rela[k].r_info) != R_X86_64_GLOB_DAT)
			continue;
		if (v->flags & HW_VAR_CONST) {
			bind_global(i, id, v->addr);
			use_add(p->version, version_at((uintptr_t)v->addr));
		} else if (*(char **)slot - i->rela[k].r_addend !=
			   (char *)load_var_addr(id, s)) {
			return again_moved(s, p, id);
		}
	}
	return 0;
}

/* New variables start with what the new object says, bound. */
static void part_fill(struct load_set *s, const struct part *p)
{
	const struct hw_module *d = p->version->image.desc;

	for (uint32_t k = 0; k < d->nvars; k++) {
		const struct hw_var *v = &desc_vars(d)[k];
		struct fresh *f =
		    fresh_find(s->vars, s->nvars, desc_str(d, v->name));

		if (f && !f->kept && v->addr && p->canonical[k] == f->addr)
			raw_copy(f->addr, desc_at(&v->addr), v->size);
	}
}

int load_bind_images(struct load_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		if (!p->version)
			continue;
		if ((p->again ? part_again(s, p) : part_bind(s, p)) < 0)
			return -1;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].version && !s->parts[i].again)
			part_fill(s, &s->parts[i]);
	return 0;
}

int load_again_vars(struct load_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];
		const struct hw_module *d;

		if (!p->version || !p->again)
			continue;
		d = p->version->image.desc;
		for (uint32_t k = 0; k < d->nvars; k++) {
			const struct hw_var *v = &desc_vars(d)[k];
			struct fresh *f =
			    fresh_find(s->vars, s->nvars, desc_str(d, v->name));
			const unsigned char *bytes;
			bool zero;

			if (!f || f->kept || f->addr != p->canonical[k])
				continue;
			bytes = merge_base(s, p->version, v, &zero);
			if (!bytes)
				return load_no_memory(s->f);
			raw_copy(f->addr, bytes, v->size);
		}
	}
	return 0;
}

/* --- after the publish ---------------------------------------------------- */

/* A constant that moved: the books, and whoever else names it. */
static void constant_moved(const struct part *p, const struct hw_var *v)
{
	const struct hw_module *d = p->version->image.desc;
	const char *id = desc_str(d, v->name);
	struct hw_variable *was = registry_var(id);
	struct hw_variable now = {.id = was ? was->id : strdup(id),
				  .addr = desc_at(&v->addr),
				  .size = v->size,
				  .type = v->type,
				  .flags = v->flags};

	if (!now.id || registry_var_add(&now) < 0 ||
	    !(v->flags & HW_VAR_GLOBAL))
		return;
	for (size_t i = 0; i < hw_guest.nmods; i++) {
		struct hw_version *user = hw_guest.mods[i].current;

		if (user && bind_global(&user->image, id, now.addr))
			use_add(user, p->version);
	}
}

/* An image that is back: its own copy is meant again, unless the one in use
 * has the same bytes. */
static bool again_same(const struct part *p, const struct hw_var *v)
{
	const struct hw_module *d = p->version->image.desc;
	struct hw_variable *was = registry_var(desc_str(d, v->name));

	return was && was->size == v->size &&
	       raw_equal(was->addr, desc_at(&v->addr), v->size);
}

/* After all of the set are current: they may name each other's. */
void load_keep_constants(struct part *p)
{
	const struct hw_module *d = p->version->image.desc;

	for (uint32_t i = 0; i < d->nvars; i++) {
		const struct hw_var *v = &desc_vars(d)[i];
		bool own = p->again
			       ? (v->flags & HW_VAR_CONST) && !again_same(p, v)
			       : !p->canonical[i];

		if (own && v->addr)
			constant_moved(p, v);
	}
}
