/* SPDX-License-Identifier: MIT
 *
 * Three kinds of references, in the order of their number:
 *
 * - Calls to other modules, and HOT() calls, go to the image's PLT. An entry
 *   is 16 bytes, "jmp *slot; push n; jmp plt0", and a stub fits in: so the PLT
 *   entry becomes the stub, and a qualified call costs one direct call and one
 *   jump through the table, with no PLT in between. Patching the call sites
 *   instead was the design's first idea; it touches a hundred times as many
 *   places for the same two jumps.
 * - Addresses of functions and global variables are dynamic relocations by
 *   name (GLOB_DAT, R_X86_64_64): the linker has made the slots, we fill them.
 * - Static variables are displacements in code and pointers in data: the
 *   descriptor lists them, and each moves by the distance between the image's
 *   own copy and the storage in use. All lie in the arena, so it always fits.
 */
#include "codeserver/bind.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "codeserver/arena.h"
#include "codeserver/direct.h"

#define PAGE 4096ul

static int text_protect(uintptr_t from, uintptr_t to, int prot)
{
	from &= ~(PAGE - 1);
	to = (to + PAGE - 1) & ~(PAGE - 1);
	return mprotect((void *)from, to - from, prot);
}

/* Whether AT holds "jmp *SLOT(%rip)", as lld writes it. */
static bool plt_entry_of(const unsigned char *at, const void *slot)
{
	int32_t disp;

	memcpy(&disp, at + 2, 4);
	return at[0] == 0xff && at[1] == 0x25 && at + 6 + disp == slot;
}

static const char *rela_name(const struct hw_image *i, const ElfW(Rela) * r)
{
	return i->strtab + i->symtab[ELF64_R_SYM(r->r_info)].st_name;
}

/* A direct entry, for an image of the start. */
static int entry_direct(unsigned char *at, uint32_t index)
{
	return direct_write(at, index) < 0 ? -1 : direct_keep(at, index);
}

/* A thread-local's copy: the stubs' object knows a short way. */
static int entry_emutls(unsigned char *at)
{
	int64_t away = (const char *)hw_guest.program->emutls - (char *)at - 5;
	unsigned char code[5] = {0xe9};
	int32_t disp = (int32_t)away;

	if (disp != away)
		return -1;
	memcpy(code + 1, &disp, 4);
	raw_copy(at, code, sizeof(code));
	return 0;
}

static int entry_bind(struct hw_image *i, unsigned char *at, int64_t index,
		      const char *name)
{
	if (index < 0)
		return strcmp(name, "hw_emutls_get_address") == 0
			   ? entry_emutls(at)
			   : 0;
	return i->handle ? stub_write(at, (uint32_t)index)
			 : entry_direct(at, (uint32_t)index);
}

int bind_plt(struct hw_image *i, const struct hw_names *names)
{
	unsigned char *plt = i->desc->plt ? desc_at(&i->desc->plt) : NULL;
	uintptr_t from = (uintptr_t)plt, to = from + 16 * i->njmprel;
	int r = 0;

	if (!i->njmprel)
		return 0;
	if (plt && text_protect(from, to, PROT_READ | PROT_WRITE) < 0)
		return -1;
	for (size_t k = 0; k < i->njmprel; k++) {
		const ElfW(Rela) *rela = &i->jmprel[k];
		void **slot = (void **)(i->addr + rela->r_offset);
		const char *name = rela_name(i, rela);
		int64_t index = names->func(name, names->arg);

		if (plt && plt_entry_of(plt + 16 * k, slot))
			r |= entry_bind(i, plt + 16 * k, index, name);
		if (index >= 0)
			*slot = stub_addr((uint32_t)index);
	}
	if (plt && text_protect(from, to, PROT_READ | PROT_EXEC) < 0)
		return -1;
	return r;
}

static int undefined(const struct hw_image *i, const ElfW(Rela) * r,
		     struct hw_failure *f)
{
	const char *name = rela_name(i, r);

	return failure_set(f, "badfile", desc_str(i->desc, i->desc->name), name,
			   "undefined symbol %s: neither the program nor its "
			   "libraries have it; was another source file added, "
			   "or a library? then build and start anew",
			   name);
}

static bool nobody_has(const struct hw_image *i, const ElfW(Rela) * r)
{
	const ElfW(Sym) *s = &i->symtab[ELF64_R_SYM(r->r_info)];
	uintptr_t value = *(uintptr_t *)(i->addr + r->r_offset);

	return s->st_shndx == SHN_UNDEF && s->st_size == HW_UNDEF_STRONG &&
	       value == (uintptr_t)r->r_addend;
}

static int relocation_bind(struct hw_image *i, const ElfW(Rela) * r,
			   const struct hw_names *names, struct hw_failure *f)
{
	uint32_t type = ELF64_R_TYPE(r->r_info);
	const char *name = rela_name(i, r);
	int64_t index;
	char *value;

	if (!ELF64_R_SYM(r->r_info) ||
	    (type != R_X86_64_GLOB_DAT && type != R_X86_64_64))
		return 0;
	index = names->func(name, names->arg);
	value = index >= 0 ? stub_addr((uint32_t)index)
			   : names->var(name, names->arg);
	if (value) {
		*(void **)(i->addr + r->r_offset) = value + r->r_addend;
		return 0;
	}
	return nobody_has(i, r) ? undefined(i, r, f) : 0;
}

int bind_relocations(struct hw_image *i, const struct hw_names *names,
		     struct hw_failure *f)
{
	for (size_t k = 0; k < i->nrela; k++)
		if (relocation_bind(i, &i->rela[k], names, f) < 0)
			return -1;
	for (size_t k = 0; k < i->njmprel; k++)
		if (nobody_has(i, &i->jmprel[k]))
			return undefined(i, &i->jmprel[k], f);
	return 0;
}

/* From the first to the last place in code: one mprotect, not one a page. */
static bool refs_range(const struct hw_image *i, uint32_t kind,
		       struct hw_span *range)
{
	const struct hw_ref *r = desc_refs(i->desc);

	*range = (struct hw_span){UINTPTR_MAX, 0};
	for (uint32_t k = 0; k < i->desc->nrefs; k++) {
		uintptr_t at = (uintptr_t)desc_at(&r[k].site);

		if (r[k].kind != kind)
			continue;
		if (at < range->from)
			range->from = at;
		if (at + 8 > range->to)
			range->to = at + 8;
	}
	return range->from < range->to;
}

static int ref_bind(const struct hw_image *i, const struct hw_ref *r,
		    void *const *canonical)
{
	const struct hw_var *v = &desc_vars(i->desc)[r->var];
	void *site = desc_at(&r->site);
	int64_t moved, wide;
	int32_t disp;

	if (r->var >= i->desc->nvars || !canonical[r->var] || !v->addr)
		return 0;
	moved = (int64_t)((uintptr_t)canonical[r->var] -
			  (uintptr_t)desc_at(&v->addr));
	if (r->kind == HW_REF_ABS64) {
		memcpy(&wide, site, 8);
		wide += moved;
		memcpy(site, &wide, 8);
		return 0;
	}
	memcpy(&disp, site, 4);
	wide = disp + moved;
	disp = (int32_t)wide;
	if (disp != wide)
		return -1;
	raw_copy(site, &disp, 4);
	return 0;
}

int bind_refs(struct hw_image *i, void *const *canonical, uint32_t kind)
{
	const struct hw_ref *refs = desc_refs(i->desc);
	bool code = kind == HW_REF_PC32;
	struct hw_span range;
	int r = 0;

	if (!refs_range(i, kind, &range))
		return 0;
	if (code &&
	    text_protect(range.from, range.to, PROT_READ | PROT_WRITE) < 0)
		return -1;
	for (uint32_t k = 0; k < i->desc->nrefs; k++)
		if (refs[k].kind == kind)
			r |= ref_bind(i, &refs[k], canonical);
	if (code &&
	    text_protect(range.from, range.to, PROT_READ | PROT_EXEC) < 0)
		return -1;
	return r;
}

bool bind_global(struct hw_image *i, const char *id, void *addr)
{
	bool named = false;

	for (size_t k = 0; k < i->nrela; k++) {
		const ElfW(Rela) *r = &i->rela[k];
		uint32_t type = ELF64_R_TYPE(r->r_info);

		if (!ELF64_R_SYM(r->r_info) ||
		    (type != R_X86_64_GLOB_DAT && type != R_X86_64_64) ||
		    strcmp(rela_name(i, r), id))
			continue;
		__atomic_store_n((char **)(i->addr + r->r_offset),
				 (char *)addr + r->r_addend, __ATOMIC_RELEASE);
		named = true;
	}
	return named;
}
