/* SPDX-License-Identifier: MIT
 *
 * The stubs' object is written as ELF at once. (Assembler text was tried
 * first: for 6000 functions clang took longer over it than all the rest of an
 * incremental link, and ids hold characters that assemblers take for syntax.)
 *
 *	.text		stub n at 16*n:	mov hw_table(%rip),%r11
 *					jmp *8*n(%r11)
 *			behind them __emutls_get_address, for modules and for
 *			objects in the executable that share thread-locals
 *			with them, and where .tdata is in a thread
 *	.tdata		room for the modules' thread-locals, zeroed
 *	.data		hw_table, hw_program, the modules
 *	.rodata		strings
 *	.bss		the first table
 *	.eh_frame	one entry for all stubs: a thread may be seen in one
 */
#include "watcher/stubs.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "codeserver/descriptor.h"
#include "watcher/strmap.h"
#include "watcher/util.h"

#define STUB_SIZE 16

enum { /* sections */
	S_NULL,
	S_TEXT,
	S_DATA,
	S_RODATA,
	S_BSS,
	S_TDATA,
	S_EH_FRAME,
	S_STACK,
	S_RELA_TEXT,
	S_RELA_DATA,
	S_RELA_EH,
	S_SYMTAB,
	S_STRTAB,
	S_SHSTRTAB,
	S_COUNT
};

static const struct {
	const char *name;
	uint32_t type;
	uint64_t flags;
	uint32_t align, link, info, entsize;
} layout[S_COUNT] = {
    [S_NULL] = {"", SHT_NULL, 0, 0, 0, 0, 0},
    [S_TEXT] = {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 16, 0, 0, 0},
    [S_DATA] = {".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8, 0, 0, 0},
    [S_RODATA] = {".rodata", SHT_PROGBITS, SHF_ALLOC, 1, 0, 0, 0},
    [S_BSS] = {".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 8, 0, 0, 0},
    [S_TDATA] = {".tdata", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS,
		 HW_TLS_ALIGN, 0, 0, 0},
    [S_EH_FRAME] = {".eh_frame", SHT_X86_64_UNWIND, SHF_ALLOC, 8, 0, 0, 0},
    [S_STACK] = {".note.GNU-stack", SHT_PROGBITS, 0, 1, 0, 0, 0},
    [S_RELA_TEXT] = {".rela.text", SHT_RELA, SHF_INFO_LINK, 8, S_SYMTAB, S_TEXT,
		     sizeof(Elf64_Rela)},
    [S_RELA_DATA] = {".rela.data", SHT_RELA, SHF_INFO_LINK, 8, S_SYMTAB, S_DATA,
		     sizeof(Elf64_Rela)},
    [S_RELA_EH] = {".rela.eh_frame", SHT_RELA, SHF_INFO_LINK, 8, S_SYMTAB,
		   S_EH_FRAME, sizeof(Elf64_Rela)},
    [S_SYMTAB] = {".symtab", SHT_SYMTAB, 0, 8, S_STRTAB, S_BSS + 1,
		  sizeof(Elf64_Sym)},
    [S_STRTAB] = {".strtab", SHT_STRTAB, 0, 1, 0, 0, 0},
    [S_SHSTRTAB] = {".shstrtab", SHT_STRTAB, 0, 1, 0, 0, 0},
};

/* Symbols: null, one for each of the sections TEXT to BSS (so that a section's
 * symbol has the section's number), then the globals. */
struct out {
	struct text sec[S_COUNT];
	size_t nfuncs, bss;
	uint64_t emutls, tls_offset; /* places in .text */
	uint32_t nsyms;
};

static uint32_t string_add(struct text *t, const char *s)
{
	uint32_t at = (uint32_t)t->len;

	text_add(t, s, strlen(s) + 1);
	return at;
}

static uint32_t symbol_add(struct out *o, const char *name, int info,
			   uint16_t shndx, uint64_t value, uint64_t size)
{
	Elf64_Sym s = {.st_name = string_add(&o->sec[S_STRTAB], name),
		       .st_info = (unsigned char)info,
		       .st_shndx = shndx,
		       .st_value = value,
		       .st_size = size};

	text_add(&o->sec[S_SYMTAB], &s, sizeof(s));
	return o->nsyms++;
}

static uint32_t global_add(struct out *o, const char *name, int type,
			   uint16_t shndx, uint64_t value, uint64_t size)
{
	return symbol_add(o, name, ELF64_ST_INFO(STB_GLOBAL, type), shndx,
			  value, size);
}

static void rela_add(struct out *o, int where, uint64_t offset, uint32_t sym,
		     uint32_t type, int64_t addend)
{
	Elf64_Rela r = {.r_offset = offset,
			.r_info = ELF64_R_INFO((uint64_t)sym, type),
			.r_addend = addend};

	text_add(&o->sec[where], &r, sizeof(r));
}

static void align(struct text *t, size_t to)
{
	static const char zeros[HW_TLS_ALIGN]; /* the largest */

	if (to > 1 && t->len % to)
		text_add(t, zeros, to - t->len % to);
}

/* --- .text ---------------------------------------------------------------- */

static void stub_add(struct out *o, size_t n)
{
	unsigned char code[STUB_SIZE] = {
	    0x4c, 0x8b, 0x1d, 0, 0, 0, 0, /* mov hw_table(%rip),%r11 */
	    0x41, 0xff, 0xa3, 0, 0, 0, 0, /* jmp *8*n(%r11) */
	    0xcc, 0xcc};
	uint32_t entry = (uint32_t)(8 * n);

	memcpy(code + 10, &entry, sizeof(entry));
	/* hw_table is the first word of .data */
	rela_add(o, S_RELA_TEXT, n * STUB_SIZE + 3, S_DATA, R_X86_64_PC32, -4);
	text_add(&o->sec[S_TEXT], code, sizeof(code));
}

/* The control object's index (at 16) is the distance from the thread pointer if
 * it is negative: codeserver/emutls.c. */
static void emutls_add(struct out *o)
{
	static const unsigned char code[] = {
	    0x48, 0x8b, 0x47, 0x10,                   /* mov 16(%rdi),%rax */
	    0x48, 0x85, 0xc0,                         /* test %rax,%rax */
	    0x79, 0x0a,                               /* jns the last jmp */
	    0x64, 0x48, 0x03, 0x04, 0x25, 0, 0, 0, 0, /* add %fs:0,%rax */
	    0xc3,                                     /* ret */
	    0xff, 0x25, 0,    0,    0,    0}; /* jmp *hw_emutls_get_address@GOT
					       */
	uint32_t target =
	    global_add(o, "hw_emutls_get_address", STT_NOTYPE, SHN_UNDEF, 0, 0);

	o->emutls = o->sec[S_TEXT].len;
	rela_add(o, S_RELA_TEXT, o->emutls + 21, target, R_X86_64_GOTPCREL, -4);
	text_add(&o->sec[S_TEXT], code, sizeof(code));
	global_add(o, "__emutls_get_address", STT_FUNC, S_TEXT, o->emutls,
		   sizeof(code));
}

/* int64_t tls_offset(void): how far .tdata is from the thread pointer */
static void tls_add(struct out *o, uint64_t size)
{
	static const unsigned char code[] = {
	    0x48, 0x8b, 0x05, 0, 0, 0, 0, /* mov hw_tls@GOTTPOFF(%rip),%rax */
	    0xc3};                        /* ret */
	uint32_t tls = global_add(o, "hw_tls", STT_TLS, S_TDATA, 0, size);

	((Elf64_Sym *)o->sec[S_SYMTAB].s)[tls].st_other = STV_HIDDEN;
	align(&o->sec[S_TEXT], STUB_SIZE);
	o->tls_offset = o->sec[S_TEXT].len;
	rela_add(o, S_RELA_TEXT, o->tls_offset + 3, tls, R_X86_64_GOTTPOFF, -4);
	text_add(&o->sec[S_TEXT], code, sizeof(code));
	for (uint64_t i = 0; i < size; i++)
		text_add(&o->sec[S_TDATA], "", 1);
}

static void stubs_add(struct out *o, const struct stubs *s)
{
	for (size_t m = 0; m < s->nmodules; m++) {
		for (size_t f = 0; f < s->modules[m].nfuncs; f++) {
			const struct stubs_func *func = &s->modules[m].funcs[f];

			if (func->named)
				global_add(o, func->id, STT_FUNC, S_TEXT,
					   o->nfuncs * STUB_SIZE, STUB_SIZE);
			stub_add(o, o->nfuncs++);
		}
	}
	emutls_add(o);
	/* one byte at least: an empty .tdata would be left out */
	tls_add(o, s->tls_size ? s->tls_size : 1);
}

/* --- .data ---------------------------------------------------------------- */

static void pointer_set(struct out *o, uint64_t at, uint32_t sym,
			int64_t addend)
{
	rela_add(o, S_RELA_DATA, at, sym, R_X86_64_64, addend);
}

static void string_set(struct out *o, uint64_t at, const char *s)
{
	pointer_set(o, at, S_RODATA, string_add(&o->sec[S_RODATA], s));
}

#define PROGRAM_AT 8 /* behind hw_table */

static void program_add(struct out *o, const struct stubs *s)
{
	struct hw_program p = {.abi = HW_ABI,
			       .nmodules = (uint32_t)s->nmodules,
			       .nfuncs = (uint32_t)o->nfuncs,
			       .tls_size = s->tls_size};
	uint64_t zero = 0;

	memcpy(p.magic, HW_MAGIC, sizeof(p.magic));
	text_add(&o->sec[S_DATA], &zero, sizeof(zero));
	text_add(&o->sec[S_DATA], &p, sizeof(p));
	pointer_set(o, 0, S_BSS, 0);
#define AT(field) (PROGRAM_AT + offsetof(struct hw_program, field))
	pointer_set(o, AT(modules), S_DATA, PROGRAM_AT + sizeof(p));
	pointer_set(o, AT(stubs), S_TEXT, 0);
	pointer_set(o, AT(table), S_DATA, 0);
	pointer_set(o, AT(first_table), S_BSS, 0);
	pointer_set(o, AT(emutls), S_TEXT, (int64_t)o->emutls);
	pointer_set(o, AT(tls_offset), S_TEXT, (int64_t)o->tls_offset);
	string_set(o, AT(manifest), s->manifest);
	string_set(o, AT(root), s->root);
	string_set(o, AT(program), s->program);
#undef AT
	global_add(o, "hw_program", STT_OBJECT, S_DATA, PROGRAM_AT, sizeof(p));
	o->bss = o->nfuncs * sizeof(void *);
}

static void module_add(struct out *o, const struct stubs_module *m,
		       uint32_t first)
{
	struct hw_program_module d = {.first = first,
				      .nfuncs = (uint32_t)m->nfuncs};
	char *symbol = xasprintf("%s%s", HW_MODULE_SYMBOL, m->name);
	uint64_t at = o->sec[S_DATA].len;

	text_add(&o->sec[S_DATA], &d, sizeof(d));
	pointer_set(o, at + offsetof(struct hw_program_module, desc),
		    global_add(o, symbol, STT_NOTYPE, SHN_UNDEF, 0, 0), 0);
	string_set(o, at + offsetof(struct hw_program_module, file), m->file);
	free(symbol);
}

/* --- .eh_frame ------------------------------------------------------------ */

/* "The caller's frame begins at %rsp+8, its address is below that": true at
 * every instruction of a stub. */
static void eh_frame_add(struct out *o)
{
	static const unsigned char frame[] = {
	    /* CIE: length, id, version, "zR", code and data factors, return
	     * address column, one byte of augmentation: pcrel | sdata4 */
	    20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b,
	    /* DW_CFA_def_cfa rsp+8; DW_CFA_offset rip, cfa-8; nops */
	    0x0c, 7, 8, 0x90, 1, 0, 0,
	    /* FDE: length, distance to the CIE, from, size, no augmentation */
	    16, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	uint32_t size = (uint32_t)o->sec[S_TEXT].len;

	text_add(&o->sec[S_EH_FRAME], frame, sizeof(frame));
	memcpy(o->sec[S_EH_FRAME].s + 36, &size, sizeof(size));
	rela_add(o, S_RELA_EH, 32, S_TEXT, R_X86_64_PC32, 0);
}

/* --- the file ------------------------------------------------------------- */

static void section_symbols_add(struct out *o)
{
	string_add(&o->sec[S_STRTAB], "");
	symbol_add(o, "", 0, SHN_UNDEF, 0, 0);
	for (uint16_t i = S_TEXT; i <= S_BSS; i++)
		symbol_add(o, "", ELF64_ST_INFO(STB_LOCAL, STT_SECTION), i, 0,
			   0);
}

static Elf64_Shdr section_write(struct out *o, int i, struct text *file)
{
	Elf64_Shdr sh = {.sh_name =
			     string_add(&o->sec[S_SHSTRTAB], layout[i].name),
			 .sh_type = layout[i].type,
			 .sh_flags = layout[i].flags,
			 .sh_addralign = layout[i].align,
			 .sh_link = layout[i].link,
			 .sh_info = layout[i].info,
			 .sh_entsize = layout[i].entsize};

	if (i == S_NULL)
		return sh;
	align(file, layout[i].align);
	sh.sh_offset = file->len;
	sh.sh_size = i == S_BSS ? o->bss : o->sec[i].len;
	if (o->sec[i].len)
		text_add(file, o->sec[i].s, o->sec[i].len);
	return sh;
}

static void *file_make(struct out *o, size_t *len)
{
	Elf64_Ehdr eh = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			 .e_type = ET_REL,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_ehsize = sizeof(eh),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = S_COUNT,
			 .e_shstrndx = S_SHSTRTAB};
	Elf64_Shdr sh[S_COUNT];
	struct text file = {0};

	text_add(&file, &eh, sizeof(eh));
	/* .shstrtab is the last, so it is whole when it is written */
	for (int i = 0; i < S_COUNT; i++)
		sh[i] = section_write(o, i, &file);
	align(&file, 8);
	eh.e_shoff = file.len;
	text_add(&file, sh, sizeof(sh));
	memcpy(file.s, &eh, sizeof(eh));
	*len = file.len;
	return text_take(&file);
}

void *stubs_object(const struct stubs *s, size_t *len)
{
	struct out o = {0};
	uint32_t first = 0;
	void *file;

	section_symbols_add(&o);
	stubs_add(&o, s);
	program_add(&o, s);
	for (size_t m = 0; m < s->nmodules; m++) {
		module_add(&o, &s->modules[m], first);
		first += (uint32_t)s->modules[m].nfuncs;
	}
	eh_frame_add(&o);
	file = file_make(&o, len);
	for (int i = 0; i < S_COUNT; i++)
		text_free(&o.sec[i]);
	return file;
}

/* Code and table; of each name its text, its symbol, its hash; of each module
 * its entry, relocations and strings; headers and rounding. */
uint64_t stubs_bound(const struct stubs *s)
{
	uint64_t n = 16 * 4096 + strlen(s->manifest) + strlen(s->root) +
		     strlen(s->program) + s->tls_size;

	for (size_t m = 0; m < s->nmodules; m++) {
		const struct stubs_module *mod = &s->modules[m];

		n += 256 + strlen(mod->name) + strlen(mod->file);
		for (size_t f = 0; f < mod->nfuncs; f++)
			n += STUB_SIZE + 8 + sizeof(Elf64_Sym) + 16 +
			     strlen(mod->funcs[f].id) + 1;
	}
	return n;
}

void stubs_name(struct stubs_module *modules, size_t n,
		bool (*weak)(size_t module, size_t func, void *arg), void *arg)
{
	struct strmap strong = {0}, any = {0};

	for (size_t m = 0; m < n; m++)
		for (size_t f = 0; f < modules[m].nfuncs; f++)
			if (!weak(m, f, arg))
				strmap_put(&strong, modules[m].funcs[f].id,
					   modules);
	for (size_t m = 0; m < n; m++) {
		for (size_t f = 0; f < modules[m].nfuncs; f++) {
			struct stubs_func *func = &modules[m].funcs[f];

			if (strmap_get(&any, func->id) ||
			    (weak(m, f, arg) && strmap_get(&strong, func->id)))
				continue;
			func->named = true;
			strmap_put(&any, func->id, modules);
		}
	}
	strmap_free(&strong);
	strmap_free(&any);
}
