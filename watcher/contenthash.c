/* SPDX-License-Identifier: MIT
 *
 * The content hash of an object: equal if and only if loading the one instead
 * of the other could change nothing that a program sees.
 *
 * Covered: allocated sections in file order (name, type, flags, bytes), their
 * relocations with the target's name rather than its number, the defined
 * symbols, and how the object's variables lie in memory: who else uses them may
 * be compiled for another layout without a byte of this object differing. Not
 * covered: other debug information, the record, notes, symbol numbers;
 * so a comment, a build in another folder or a build by make instead of the
 * watcher leave it as it is, while a line number that is really in the code
 * (an assert) changes it.
 */
#include <stdio.h>

#include "codeserver/descriptor.h"
#include "watcher/object-internal.h"
#include "watcher/types.h"

/* Two chains with different seeds: 128 bits. */
struct hash {
	uint64_t a, b;
};

static void hash_add(struct hash *h, const void *data, size_t len)
{
	h->a = hw_checksum(h->a, data, len);
	h->b = hw_checksum(h->b ^ len, data, len);
}

static void hash_str(struct hash *h, const char *s)
{
	hash_add(h, s, strlen(s) + 1);
}

static void hash_num(struct hash *h, uint64_t n)
{
	hash_add(h, &n, sizeof(n));
}

static void hash_target(struct hash *h, const struct object *o, uint32_t sym)
{
	const Elf64_Sym *s = &o->syms[sym];

	if (ELF64_ST_TYPE(s->st_info) != STT_SECTION) {
		hash_str(h, sym_name(o, sym));
		return;
	}
	if (s->st_shndx < o->nsec)
		hash_str(h, o->sec[s->st_shndx].name);
	hash_num(h, s->st_value);
}

static void hash_section(struct hash *h, const struct object *o, size_t i)
{
	const struct section *s = &o->sec[i];
	const Elf64_Rela *rela = (const Elf64_Rela *)o->sec[s->rela].data;
	size_t n = s->rela ? o->sec[s->rela].sh->sh_size / sizeof(*rela) : 0;

	hash_str(h, s->name);
	hash_num(h, s->sh->sh_type);
	hash_num(h, s->sh->sh_flags);
	hash_num(h, s->sh->sh_size);
	hash_num(h, s->sh->sh_addralign);
	if (s->data)
		hash_add(h, s->data, s->sh->sh_size);
	for (size_t k = 0; k < n; k++) {
		hash_num(h, rela[k].r_offset);
		hash_num(h, ELF64_R_TYPE(rela[k].r_info));
		hash_num(h, (uint64_t)rela[k].r_addend);
		hash_target(h, o, ELF64_R_SYM(rela[k].r_info));
	}
}

static void hash_symbol(struct hash *h, const struct object *o, uint32_t i)
{
	const Elf64_Sym *s = &o->syms[i];
	int type = ELF64_ST_TYPE(s->st_info);

	if (type == STT_SECTION || type == STT_FILE || s->st_shndx == SHN_UNDEF)
		return;
	hash_str(h, sym_name(o, i));
	hash_num(h, s->st_info);
	hash_num(h, s->st_value);
	hash_num(h, s->st_size);
	if (s->st_shndx < o->nsec)
		hash_str(h, o->sec[s->st_shndx].name);
}

int object_hash(struct object *o, char hex[33], char **err)
{
	struct hash h = {1, 2};

	(void)err;
	if (!o->hash[0]) {
		for (size_t i = 1; i < o->nsec; i++)
			if (sec_counts(&o->sec[i]))
				hash_section(&h, o, i);
		for (uint32_t i = 1; i < o->nsyms; i++)
			hash_symbol(&h, o, i);
		hash_num(&h, types_own(o));
		snprintf(o->hash, sizeof(o->hash), "%016llx%016llx",
			 (unsigned long long)h.a, (unsigned long long)h.b);
	}
	memcpy(hex, o->hash, 33);
	return 0;
}
