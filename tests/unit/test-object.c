/* SPDX-License-Identifier: MIT
 *
 * What the rewrite makes of real compilers' output: each test compiles a few
 * lines as hotwatch cc does, takes them all the way to a sealed object, and
 * looks into its descriptor and its relocations. At -O0 and -O2, because what
 * a reference looks like depends on it.
 */
#include <elf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "tests/unit/check.h"
#include "watcher/object.h"
#include "watcher/util.h"

#define FLAGS                                                        \
	"-fPIC -fno-semantic-interposition -ffunction-sections "     \
	"-fdata-sections -fkeep-persistent-storage-variables -g -w " \
	"-femulated-tls"

static char *dir; /* scratch; removed at the end of each build */

/* A module on its way: the object, and the sealed file in memory. */
struct built {
	struct object *object;
	char hash[33];
	char *file, *err;
	char *data;
	size_t len;
	struct hw_module *desc;
};

static const char *opt; /* the level that runs: "-O0" or "-O2" */

static int command(const char *fmt, ...) PRINTF(1, 2);
static int command(const char *fmt, ...)
{
	va_list ap;
	char line[4096];

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return system(line);
}

static void desc_find(struct built *b)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)b->data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(b->data + e->e_shoff);
	char *names = b->data + sh[e->e_shstrndx].sh_offset;

	for (int i = 1; i < e->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, ".hw.module"))
			b->desc =
			    (struct hw_module *)(b->data + sh[i].sh_offset);
}

static void module_link(struct built *b, bool reload)
{
	char *rw = xasprintf("%s/rw.o", dir), *out = xasprintf("%s/out", dir);
	struct modlink l = {.linker = "ld.lld-19",
			    .object = rw,
			    .codeserver = "/dev/null",
			    .base = HW_ARENA_BASE + 0x100000,
			    .out = out};
	char **argv = modlink_argv(&l);
	struct text line = {0};
	uint64_t size;

	for (char **a = argv; *a; a++)
		text_printf(&line, "%s ", *a);
	if (object_rewrite(b->object, "m", "/p/m.c", reload, rw, NULL, NULL,
			   &b->err) == 0 &&
	    CHECK_INT_EQ(command("%s", line.s), 0) &&
	    modlink_seal(out, dir, "m", &b->file, &size, &b->err) == 0 &&
	    CHECK_INT_EQ(file_read(b->file, &b->data, &b->len, NULL), 0))
		desc_find(b);
	text_free(&line);
	argv_free(argv);
	free(rw);
	free(out);
}

static struct built build_as(const char *source, const char *more, bool reload)
{
	struct built b = {0};
	char *c, *o;

	dir = xstrdup("hw-object-XXXXXX");
	if (!CHECK(mkdtemp(dir) != NULL))
		return b;
	c = xasprintf("%s/m.c", dir);
	o = xasprintf("%s/m.o", dir);
	CHECK_INT_EQ(file_write(c, source, strlen(source), NULL), 0);
	CHECK_INT_EQ(command("clang-19 %s %s %s -c %s -o %s", FLAGS, opt, more,
			     c, o),
		     0);
	if (CHECK_INT_EQ(object_open(&b.object, o, NULL, 0, &b.err), 0)) {
		CHECK_INT_EQ(object_hash(b.object, b.hash, &b.err), 0);
		module_link(&b, reload);
	}
	command("rm -rf %s", dir);
	free(c);
	free(o);
	free(dir);
	return b;
}

static struct built build(const char *source)
{
	struct built b = build_as(source, "", true);

	CHECK_STR_EQ(b.err, NULL);
	CHECK(b.desc != NULL);
	return b;
}

static void built_free(struct built *b)
{
	object_close(b->object);
	free(b->file);
	free(b->err);
	free(b->data);
}

static const char *str(const struct built *b, uint32_t at)
{
	return (const char *)b->desc + at;
}

static const struct hw_func *func(const struct built *b, const char *id)
{
	const struct hw_func *f = (const void *)(str(b, b->desc->funcs));

	for (uint32_t i = 0; i < b->desc->nfuncs; i++)
		if (!strcmp(str(b, f[i].name), id))
			return &f[i];
	return NULL;
}

static const struct hw_var *var(const struct built *b, const char *id)
{
	const struct hw_var *v = (const void *)(str(b, b->desc->vars));

	for (uint32_t i = 0; i < b->desc->nvars; i++)
		if (!strcmp(str(b, v[i].name), id))
			return &v[i];
	return NULL;
}

static int refs(const struct built *b, const char *id, uint32_t kind)
{
	const struct hw_ref *r = (const void *)(str(b, b->desc->refs));
	const struct hw_var *v = (const void *)(str(b, b->desc->vars));
	int n = 0;

	for (uint32_t i = 0; i < b->desc->nrefs; i++)
		n += r[i].kind == kind && !strcmp(str(b, v[r[i].var].name), id);
	return n;
}

/* How many dynamic relocations of TYPE name SYMBOL. */
static int relocations(const struct built *b, uint32_t type, const char *symbol)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)b->data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(b->data + e->e_shoff);
	int n = 0;

	for (int i = 1; i < e->e_shnum; i++) {
		Elf64_Rela *r = (Elf64_Rela *)(b->data + sh[i].sh_offset);
		Elf64_Shdr *syms = &sh[sh[i].sh_link];
		Elf64_Sym *s = (Elf64_Sym *)(b->data + syms->sh_offset);
		char *names = b->data + sh[syms->sh_link].sh_offset;

		if (sh[i].sh_type != SHT_RELA || !(sh[i].sh_flags & SHF_ALLOC))
			continue;
		for (size_t k = 0; k < sh[i].sh_size / sizeof(*r); k++)
			n +=
			    ELF64_R_TYPE(r[k].r_info) == type &&
			    !strcmp(names + s[ELF64_R_SYM(r[k].r_info)].st_name,
				    symbol);
	}
	return n;
}

static bool has_section(const struct built *b, uint32_t type)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)b->data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(b->data + e->e_shoff);

	for (int i = 1; i < e->e_shnum; i++)
		if (sh[i].sh_type == type)
			return true;
	return false;
}

/* --- functions ------------------------------------------------------------ */

static void static_address(void)
{
	struct built b = build("typedef int f(int);\n"
			       "void reg(f *);\n"
			       "static int cb(int x) { return x; }\n"
			       "f *table[] = {cb};\n"
			       "void init(void) { reg(cb); }\n");

	CHECK(func(&b, "m:cb") != NULL);
	CHECK_INT_EQ(relocations(&b, R_X86_64_64, "m:cb"), 1);
	CHECK_INT_EQ(relocations(&b, R_X86_64_GLOB_DAT, "m:cb"), 1);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT, "reg"), 1);
	built_free(&b);
}

static void global_address(void)
{
	struct built b = build("typedef int f(int);\n"
			       "void reg(f *);\n"
			       "int api(int x) { return x; }\n"
			       "void init(void) { reg(api); }\n");

	CHECK(func(&b, "api") && func(&b, "api")->flags & HW_FUNC_GLOBAL);
	CHECK_INT_EQ(relocations(&b, R_X86_64_GLOB_DAT, "api"), 1);
	built_free(&b);
}

static void own_address(void)
{
	struct built b = build("typedef void f(int);\n"
			       "void reg(f *);\n"
			       "static void tick(int x)\n"
			       "{ if (x) reg(tick); reg(tick); }\n"
			       "void start(void) { tick(1); reg(tick); }\n");

	CHECK(func(&b, "m:tick") != NULL);
	CHECK_INT_EQ(relocations(&b, R_X86_64_GLOB_DAT, "m:tick"), 1);
	built_free(&b);
}

static void local_call(void)
{
	struct built b =
	    build("static __attribute__((noinline)) int helper(int x)\n"
		  "{ return x * 3; }\n"
		  "__attribute__((noinline)) int api(int x)\n"
		  "{ return helper(x) + 1; }\n"
		  "int both(int x) { return api(x) + helper(x); }\n");

	CHECK(func(&b, "m:helper") == NULL);
	CHECK(func(&b, "api") != NULL);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT, "api"), 0);
	built_free(&b);
}

static void hot_call(void)
{
	struct built b = build(
	    "extern int other(int) __asm__(\"hw.hot.other\");\n"
	    "extern int mine(int) __asm__(\"hw.hot.loop\");\n"
	    "static int loop(int x) { return x; }\n"
	    "static int (*const keep)(int) __attribute__((used)) = loop;\n"
	    "int api(int x) { return other(x) + mine(x); }\n");

	CHECK(func(&b, "m:loop") != NULL);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT, "m:loop"), 1);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT, "other"), 1);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT, "hw.hot.loop"), 0);
	built_free(&b);
}

static void labels(void)
{
	struct built b = build("int run(const char *p) {\n"
			       "  static const void *const ops[] =\n"
			       "    {&&add, &&sub, &&end};\n"
			       "  int x = 0;\n"
			       "  goto *ops[*p++ & 1];\n"
			       "add: x++; goto *ops[*p++ % 3];\n"
			       "sub: x--; goto *ops[*p++ % 3];\n"
			       "end: return x; }\n");
	const struct hw_var *v = var(&b, "m:run.ops");

	CHECK(v && v->flags & HW_VAR_LABELS);
	CHECK_INT_EQ(b.desc->nfuncs, 1);
	built_free(&b);
}

static void jump_table(void)
{
	struct built b = build(
	    "int a(int), z(int);\n"
	    "int sw(int x) { switch (x) { case 0: return a(1);\n"
	    "case 1: return a(3); case 2: return z(2); case 3: return z(9);\n"
	    "case 4: return a(7); case 5: return z(4); default: return 0; } "
	    "}\n");

	CHECK_INT_EQ(b.desc->nfuncs, 1);
	CHECK_INT_EQ(b.desc->nvars, 0);
	CHECK_INT_EQ(b.desc->nrefs, 0);
	built_free(&b);
}

/* --- variables ------------------------------------------------------------ */

static void statics(void)
{
	struct built b = build("static int n; static int *p = &n;\n"
			       "int up(void) { static int calls; calls++;\n"
			       "  return ++n + *p++; }\n"
			       "int two(void) { static int calls = 3;\n"
			       "  return ++calls; }\n");

	CHECK(var(&b, "m:n") && var(&b, "m:n")->size == 4);
	CHECK(var(&b, "m:up.calls") && var(&b, "m:two.calls"));
	CHECK(var(&b, "m:n") && var(&b, "m:n")->type != 0);
	CHECK(refs(&b, "m:n", HW_REF_PC32) > 0);
	CHECK_INT_EQ(refs(&b, "m:n", HW_REF_ABS64), 1);
	CHECK(refs(&b, "m:up.calls", HW_REF_PC32) > 0);
	built_free(&b);
}

static void split_static(void)
{
	struct built b = build("static struct { int a, b; } s;\n"
			       "void set(int x) { s.a = x; s.b = x + 1; }\n"
			       "int get(void) { return s.a; }\n");

	CHECK(var(&b, "m:s") && var(&b, "m:s")->size == 8);
	built_free(&b);
}

static void thread_local(void)
{
	struct built b = build("static __thread long n = 5;\n"
			       "__thread char buf[100];\n"
			       "long up(void) { return ++n + buf[0]; }\n");
	const struct hw_var *n = var(&b, "m:__emutls_v.n");
	const struct hw_var *buf = var(&b, "__emutls_v.buf");

	CHECK(n && n->flags & HW_VAR_TLS && n->tls_size == 8 && n->type);
	CHECK(buf && buf->tls_size == 100);
	CHECK_INT_EQ(relocations(&b, R_X86_64_JUMP_SLOT,
				 "hw_emutls_get_address"),
		     1);
	built_free(&b);
}

static void constants(void)
{
	struct built b =
	    build("static const char *const names[] = {\"a\"};\n"
		  "const int limit = 5;\n"
		  "const char *name(int i) { return names[i]; }\n");

	CHECK(var(&b, "m:names") && var(&b, "m:names")->flags & HW_VAR_CONST);
	CHECK(var(&b, "limit") && var(&b, "limit")->flags & HW_VAR_CONST);
	built_free(&b);
}

static void shared_section(void)
{
	struct built b =
	    build("static int a __attribute__((section(\"mine\"))) = 1;\n"
		  "static int z __attribute__((section(\"mine\"))) = 2;\n"
		  "int sum(void) { return ++a + ++z; }\n");
	const struct hw_var *v = var(&b, "m:[mine]");

	CHECK(v && v->flags & HW_VAR_SECTION && v->size == 8);
	CHECK(refs(&b, "m:[mine]", HW_REF_PC32) >= 2);
	built_free(&b);
}

static void compound_literals(void)
{
	struct built b = build("int *p = (int[]){1, 2, 3};\n"
			       "int get(void) { return p[1]; }\n");

	CHECK(var(&b, "p") != NULL);
	CHECK_INT_EQ(b.desc->nvars, 1);
	built_free(&b);
}

/* --- the object as a whole ------------------------------------------------ */

static void hash_equal(const char *a, const char *b, bool equal)
{
	struct built x = build(a), y = build(b);

	if (equal)
		CHECK_STR_EQ(x.hash, y.hash);
	else
		CHECK(strcmp(x.hash, y.hash) != 0);
	built_free(&x);
	built_free(&y);
}

static void hashes(void)
{
	hash_equal("int f(void) { return 1; }\n",
		   "/* said anew */\n\n\nint f(void)\n{ return 1; }\n", true);
	hash_equal("int f(void) { return 1; }\n", "int f(void) { return 2; }\n",
		   false);
	hash_equal("int a(int); int f(void) { return a(1); }\n",
		   "int b(int); int f(void) { return b(1); }\n", false);
	hash_equal("int x = 1;\n", "int x = 2;\n", false);
	hash_equal("const char *f(void) { return \"one\"; }\n",
		   "const char *f(void) { return \"two\"; }\n", false);
	hash_equal("int f(int n) { return n; } int x;\n",
		   "int f(int m) { return m; } int x;\n", true);
}

static void constructors(void)
{
	const char *source = "void reg(void); int n;\n"
			     "__attribute__((constructor)) static void c(void)"
			     "{ reg(); }\n"
			     "__attribute__((destructor)) static void d(void)"
			     "{ n--; }\n";
	struct built first = build_as(source, "", false);
	struct built again = build_as(source, "", true);

	CHECK(first.data && has_section(&first, SHT_INIT_ARRAY));
	CHECK(again.data && !has_section(&again, SHT_INIT_ARRAY));
	CHECK(again.data && !has_section(&again, SHT_FINI_ARRAY));
	CHECK_STR_EQ(first.hash, again.hash);
	built_free(&first);
	built_free(&again);
}

static void hidden_extern(void)
{
	struct built b = build_as("#pragma GCC visibility push(hidden)\n"
				  "extern int far;\n"
				  "#pragma GCC visibility pop\n"
				  "int get(void) { return far; }\n",
				  "", true);

	CHECK_STR_HAS(b.err, "reaches far without the GOT");
	built_free(&b);
}

static void hidden_own(void)
{
	struct built b = build("__attribute__((visibility(\"hidden\")))\n"
			       "int n;\n"
			       "int get(void) { return ++n; }\n");

	CHECK(var(&b, "n") != NULL);
	CHECK_INT_EQ(refs(&b, "n", HW_REF_PC32) +
			     relocations(&b, R_X86_64_GLOB_DAT, "n") >
			 0,
		     1);
	built_free(&b);
}

static void weak_undefined(void)
{
	struct built b = build("int other(int);\n"
			       "extern int maybe(int) __attribute__((weak));\n"
			       "int f(int x)\n"
			       "{ return maybe ? maybe(x) : other(x); }\n");
	Elf64_Ehdr *e = (Elf64_Ehdr *)b.data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(b.data + e->e_shoff);
	int strong = 0, weak = 0, bound = 0;

	for (int i = 1; i < e->e_shnum; i++) {
		Elf64_Sym *s = (Elf64_Sym *)(b.data + sh[i].sh_offset);

		if (sh[i].sh_type != SHT_DYNSYM)
			continue;
		for (size_t k = 1; k < sh[i].sh_size / sizeof(*s); k++) {
			if (s[k].st_shndx != SHN_UNDEF)
				continue;
			strong += s[k].st_size == HW_UNDEF_STRONG;
			weak += s[k].st_size != HW_UNDEF_STRONG;
			bound += ELF64_ST_BIND(s[k].st_info) != STB_WEAK;
		}
	}
	CHECK_INT_EQ(strong, 1);
	CHECK_INT_EQ(weak, 1);
	CHECK_INT_EQ(bound, 0);
	built_free(&b);
}

static void not_an_object(void)
{
	struct object *o = NULL;
	char *err = NULL;

	CHECK_INT_EQ(object_open(&o, "/dev/null", NULL, 0, &err), -1);
	CHECK_STR_HAS(err, "/dev/null: not an ELF object");
	free(err);
	CHECK_INT_EQ(object_open(&o, "/nonexistent.o", NULL, 0, &err), -1);
	CHECK_STR_HAS(err, "No such file");
	free(err);
}

static void address_sanitizer(void)
{
	struct built b = build_as("int n = 5;\nint up(void) { return ++n; }\n",
				  "-fsanitize=address", true);

	CHECK_STR_EQ(b.err, NULL);
	if (CHECK(b.desc != NULL)) {
		CHECK(var(&b, "n") && var(&b, "n")->size == 4);
		CHECK_INT_EQ(b.desc->nvars, 1);
	}
	built_free(&b);
}

#define BOTH(f)                  \
	static void f##_O0(void) \
	{                        \
		opt = "-O0";     \
		f();             \
	}                        \
	static void f##_O2(void) \
	{                        \
		opt = "-O2";     \
		f();             \
	}
#define TESTS(F)                                                           \
	F(static_address, "a static function's address goes by its id")    \
	F(global_address, "a global function's address goes by its name")  \
	F(own_address, "a function that takes its own address is found")   \
	F(local_call, "a call inside the unit stays inside")               \
	F(hot_call, "HOT() reaches the function's stub")                   \
	F(labels, "a table of labels is marked, its labels no functions")  \
	F(jump_table, "a switch's jump table is left alone")               \
	F(statics, "statics are named and each reference is listed")       \
	F(split_static, "a static struct is not split in two")             \
	F(thread_local, "thread-locals are emulated, with their size")     \
	F(constants, "constants are told from variables")                  \
	F(shared_section, "variables of one user section are one")         \
	F(compound_literals, "the compiler's own names are not matched")   \
	F(hashes, "the content hash follows what the code does")           \
	F(constructors, "constructors are disarmed in a reload")           \
	F(hidden_extern, "a hidden variable of another unit is refused")   \
	F(hidden_own, "a hidden variable of one's own is reached")         \
	F(address_sanitizer, "what AddressSanitizer adds is no variable")  \
	F(weak_undefined, "undefined symbols are weak, the strong marked") \
	F(not_an_object, "what is no object is refused by name")

#define DEFINE(f, name) BOTH(f)
#define ENTRY(f, name) {name " (-O0)", f##_O0}, {name " (-O2)", f##_O2},
TESTS(DEFINE)
static const struct check tests[] = {TESTS(ENTRY)};
CHECK_MAIN(tests)
