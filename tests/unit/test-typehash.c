/* SPDX-License-Identifier: MIT
 *
 * Type hashes (watcher/types.h) of small sources, compiled as a hot build
 * compiles: what must be told apart is, what must not matter does not.
 */
#include "watcher/types.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "watcher/util.h"

extern char **environ;

static char *dir;

/* --- from a source to a shared object ------------------------------------ */

static bool run(const char *const *argv)
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv,
			 environ))
		return false;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Compiles SOURCE with FLAG more; the path of the linked object. */
static char *build(const char *source, const char *flag)
{
	char *c = path_join(dir, "t.c"), *o = path_join(dir, "t.o");
	char *so = path_join(dir, "t.so");
	const char *compile[] = {"clang-19",
				 "-g",
				 "-fPIC",
				 "-fdata-sections",
				 "-ffunction-sections",
				 "-femulated-tls",
				 "-fkeep-persistent-storage-variables",
				 "-w",
				 flag,
				 "-c",
				 c,
				 "-o",
				 o,
				 NULL};
	const char *link[] = {"ld.lld-19", "-shared", o, "-o", so, NULL};

	CHECK_INT_EQ(file_write(c, source, strlen(source), NULL), 0);
	CHECK(run(compile));
	CHECK(run(link));
	unlink(c);
	unlink(o);
	free(c);
	free(o);
	return so;
}

/* The variable with the symbol NAME, as the caller of types_read sees it. */
static bool variable_find(const char *so, const char *name, struct types_var *v)
{
	static const char tls[] = "__emutls_v.";
	int fd = open(so, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;

	memset(v, 0, sizeof(*v));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &sh)) {
		Elf_Data *data = elf_getdata(scn, NULL);

		for (int i = 0; sh.sh_type == SHT_SYMTAB && data &&
				gelf_getsym(data, i, &sym);
		     i++) {
			const char *s =
			    elf_strptr(elf, sh.sh_link, sym.st_name);

			if (strcmp(s, name) == 0)
				v->addr = sym.st_value;
			if (starts_with(s, tls) &&
			    strcmp(s + sizeof(tls) - 1, name) == 0)
				v->name = name;
		}
	}
	elf_end(elf);
	close(fd);
	return v->addr || v->name;
}

static uint64_t hash_with(const char *source, const char *name,
			  const char *flag)
{
	char *so = build(source, flag), *err = NULL;
	struct types_var v;

	if (!CHECK(variable_find(so, name, &v)))
		check_print("no variable", name);
	CHECK_INT_EQ(types_read(so, &v, 1, NULL, NULL, &err), 0);
	CHECK_STR_EQ(err, NULL);
	unlink(so);
	free(so);
	return v.hash;
}

static uint64_t hash(const char *source, const char *name)
{
	return hash_with(source, name, "-O2");
}

/* The variable "v" has the same type in both sources; or another. */
static void check_same(const char *a, const char *b)
{
	uint64_t h = hash(a, "v");

	CHECK(h != 0);
	if (CHECK_INT_EQ(hash(b, "v"), h))
		return;
	check_print("first ", a);
	check_print("second", b);
}

static void check_differ(const char *a, const char *b)
{
	uint64_t x = hash(a, "v"), y = hash(b, "v");

	CHECK(x != 0);
	CHECK(y != 0);
	if (CHECK(x != y))
		return;
	check_print("first ", a);
	check_print("second", b);
}

/* --- the same ------------------------------------------------------------ */

#define NODE                                                \
	"struct list { struct node *head, *tail; int n; };" \
	"struct node { struct node *next; struct list *owner; void *p; };"
#define NODE_OTHER_ORDER                                                   \
	"struct list; struct node;"                                        \
	"struct node { struct node *next; struct list *owner; void *p; };" \
	"struct list { struct node *head, *tail; int n; };"

static void order(void)
{
	check_same(NODE "struct list v; struct node w;",
		   NODE_OTHER_ORDER "struct node w; struct list v;");
	check_same(NODE "struct list v; struct node *w;",
		   NODE_OTHER_ORDER "struct node *w; struct list v;");
	check_same(NODE "struct list *w; struct node *v;",
		   NODE_OTHER_ORDER "struct node *v;");
}

static void bystanders(void)
{
	check_same(NODE "struct list v;",
		   "struct other { long a; }; struct other first; int x[9];"
		   "static union { int i; float f; } u; " NODE
		   "struct list v; void f(void) { u.i = x[0]; }");
	check_same("int v = 1;", "/* a comment */\n\nint w; int v = 2;");
}

static void spelling(void)
{
	check_same("struct s { const char *p; }; struct s v;",
		   "struct s { char *p; }; struct s v;");
	check_same("struct s { int n; }; struct s *v;",
		   "struct s { int n; }; const volatile struct s *v;");
	check_same("unsigned long v;",
		   "typedef unsigned long size_t; typedef size_t n_t; n_t v;");
	check_same("struct s { int a; }; struct s v;",
		   "typedef struct s { int a; } S; S v;");
	check_same("int v;", "volatile int v;");
	check_same("int v;", "static int v; int *f(void) { return &v; }");
	check_same("void (*v)(int a);", "void (*v)(int other_name);");
}

/* Not only code that looks inside makes a type complete. */
static void use_does_not_matter(void)
{
	check_same(NODE "struct list *v; ",
		   NODE "struct list *v;"
			"int f(void) { return v->head->owner->n; }");
}

static void optimization(void)
{
	static const char s[] = NODE "struct list v;";

	CHECK_INT_EQ(hash_with(s, "v", "-O0"), hash_with(s, "v", "-O2"));
	CHECK_INT_EQ(hash_with(s, "v", "-gdwarf-4"), hash(s, "v"));
	CHECK_INT_EQ(hash_with(s, "v", "-fdebug-types-section"), hash(s, "v"));
	CHECK_INT_EQ(hash_with(s, "v", "-gz"), hash(s, "v"));
}

/* --- different ----------------------------------------------------------- */

#define PACKED "struct __attribute__((packed)) s { int a; char b; long c; };"

static void members(void)
{
	static const char base[] = "struct s { int a; char b; long c; };"
				   "struct s v;";
	static const char *const others[] = {
	    "struct s { int a; char b; long c, d; }; struct s v;",
	    "struct s { int a; char b, in_padding; long c; }; struct s v;",
	    "struct s { int a; long c; char b; }; struct s v;",
	    "struct s { int a; long c; }; struct s v;",
	    "struct s { unsigned a; char b; long c; }; struct s v;",
	    "struct s { float a; char b; long c; }; struct s v;",
	    "struct s { int a; char b; void *c; }; struct s v;",
	    "struct s { int renamed; char b; long c; }; struct s v;",
	    "struct t { int a; char b; long c; }; struct t v;",
	    "union s { int a; char b; long c; }; union s v;",
	    PACKED "struct s v;",
	    "struct s { int a; char b; long c; }; struct s v[2];",
	    "struct s { int a; char b; long c; }; struct s *v;",
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		check_differ(base, others[i]);
}

static void plain_types(void)
{
	check_differ("int v;", "unsigned v;");
	check_differ("int v;", "float v;");
	check_differ("int v[3];", "int v[4];");
	check_differ("int v[2][6];", "int v[6][2];");
	check_differ("int *v;", "long *v;");
	check_differ("int *v;", "int **v;");
	check_differ("void *v;", "char *v;");
	check_differ("long double v;", "__float128 v;");
	check_differ("int v __attribute__((vector_size(16)));", "int v[4];");
	check_differ("struct { int a; } v;", "struct { int a, b; } v;");
	check_differ("struct { int n; char s[]; } *v;",
		     "struct { int n; char s[1]; } *v;");
}

static void functions(void)
{
	check_differ("int (*v)(int);", "int (*v)(int, int);");
	check_differ("int (*v)(int);", "int (*v)(int, ...);");
	check_differ("int (*v)(int);", "long (*v)(int);");
	check_differ("int (*v)(int);", "int (*v)(char);");
	check_differ("struct s { int a; }; void (*v)(struct s *);",
		     "struct s { long a; }; void (*v)(struct s *);");
}

static void enums(void)
{
	check_differ("enum e { A, B } v;", "enum e { B, A } v;");
	check_differ("enum e { A, B } v;", "enum e { A, B, C } v;");
	check_differ("enum e { A, B } v;", "enum e { A, B = 7 } v;");
	check_differ("enum e { A, B = 1 } v;", "enum e { A, B = -1 } v;");
	check_differ("enum e { A, B } v;", "unsigned v;");
	check_same("enum e { A, B } v;", "enum e { A = 0, B = 1 } v;");
	check_differ("enum { A, B } *v;", "enum { A, C } *v;");
}

#define DEEP(leaf)                                              \
	"struct c { " leaf "; };"                               \
	"struct b { struct c *(*get)(void); struct b *self; };" \
	"typedef struct { struct b bs[2]; } anon;"              \
	"struct a { union { anon *x; long y; }; }; struct a v;"

static void deep(void)
{
	check_same(DEEP("int leaf"), DEEP("int leaf"));
	check_differ(DEEP("int leaf"), DEEP("long leaf"));
	check_differ(DEEP("int leaf"), DEEP("int leaf; int more"));
}

static void recursion(void)
{
	check_differ(NODE "struct list v;",
		     "struct list { struct node *head, *tail; int n; };"
		     "struct node { struct node *next; struct list *owner;"
		     "              int *p; }; struct list v;");
	check_differ(NODE "struct node *v;",
		     "struct list { struct node *head, *tail; long n; };"
		     "struct node { struct node *next; struct list *owner;"
		     "              void *p; }; struct node *v;");
}

static void anonymous(void)
{
#define ANON(inner) "struct s { int t; " inner " int z; }; struct s v;"
	check_same(ANON("union { int i; float f; };"),
		   ANON("union { int i; float f; };"));
	check_differ(ANON("union { int i; float f; };"),
		     ANON("union { int i; unsigned f; };"));
	check_differ(ANON("union { int i; float f; };"),
		     ANON("union { int i; float g; };"));
	check_differ(ANON("union { int i; float f; };"),
		     ANON("struct { int i; float f; };"));
	check_differ(ANON("struct { struct { char c; } x[2]; } y;"),
		     ANON("struct { struct { char d; } x[2]; } y;"));
}

static void bit_fields(void)
{
#define BITS(fields) "struct s { " fields " }; struct s v;"
	check_same(BITS("int a : 3; unsigned b : 5;"),
		   BITS("int a : 3; unsigned b : 5;"));
	check_differ(BITS("int a : 3; unsigned b : 5;"),
		     BITS("int a : 4; unsigned b : 5;"));
	check_differ(BITS("int a : 3; unsigned b : 5;"),
		     BITS("int a : 3; int : 2; unsigned b : 5;"));
	check_differ(BITS("int a : 3;"), BITS("unsigned a : 3;"));
	check_differ(BITS("int a : 3;"), BITS("int a;"));
	CHECK(hash_with(BITS("int a : 3;"), "v", "-gdwarf-4") !=
	      hash_with(BITS("int a : 2;"), "v", "-gdwarf-4"));
}

static void incomplete(void)
{
	check_same("struct s; struct s *v;", "struct s; struct s *v; int w;");
	check_differ("struct s; struct s *v;", "struct t; struct t *v;");
	check_differ("struct s *v;", "union s *v;");
}

/* --- which variable ------------------------------------------------------ */

#define TWO(t)                                                    \
	"int f(int k) { static int count; return count += k; }"   \
	"int g(int k) { if (k) { static " t " count; count += k;" \
	"               return (int)count; } return 0; }"

static void local_statics(void)
{
	uint64_t f = hash(TWO("int"), "f.count"),
		 g = hash(TWO("int"), "g.count");

	CHECK(f != 0);
	CHECK_INT_EQ(g, f);
	CHECK_INT_EQ(hash(TWO("double"), "f.count"), f);
	CHECK(hash(TWO("double"), "g.count") != f);
	CHECK(hash(TWO("double"), "g.count") != 0);
}

/* The debug information then has several instances of the function. */
static void inlined_statics(void)
{
#define INLINED                                                    \
	"static inline int up(int k) { static long long count[3];" \
	"static __thread short t; t += k; return (int)(count[k] += t); }"
	uint64_t plain = hash("long long v[3];", "v");
	uint64_t tls = hash("short v;", "v");

	CHECK(plain != 0);
	CHECK_INT_EQ(hash(INLINED "int f(int k) { return up(k) + up(k + 1); }",
			  "up.count"),
		     plain);
	CHECK_INT_EQ(hash(INLINED "int f(int k) { return up(k); }", "up.t"),
		     hash(INLINED "int f(int k) { return up(k) + up(k + 1); }",
			  "up.t"));
	CHECK(tls != 0);
	CHECK_INT_EQ(hash(INLINED "int f(int k) { return up(k); }", "up.t"),
		     tls);
}

static void thread_locals(void)
{
	static const char *const levels[] = {"-O0", "-O2"};
	static const char s[] =
	    "__thread int a; static __thread long b; _Thread_local "
	    "struct { int x; } c; double t;"
	    "int f(void) { static __thread char t; static __thread float u;"
	    "              return (int)(a + b++ + c.x + t++ + u++); }"
	    "int g(void) { static __thread short t; return t++ + g(); }";
	uint64_t h[6];

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		h[0] = hash_with(s, "a", levels[i]);
		h[1] = hash_with(s, "b", levels[i]);
		h[2] = hash_with(s, "c", levels[i]);
		h[3] = hash_with(s, "f.t", levels[i]);
		h[4] = hash_with(s, "f.u", levels[i]);
		h[5] = hash_with(s, "g.t", levels[i]);
		for (size_t a = 0; a < 6; a++) {
			CHECK(h[a] != 0);
			for (size_t b = 0; b < a; b++)
				CHECK(h[a] != h[b]);
		}
	}
}

/* --- what cannot be read -------------------------------------------------- */

static void no_debug_information(void)
{
	CHECK_INT_EQ(hash_with("int v;", "v", "-g0"), 0);
}

static void unknown_address(void)
{
	char *so = build("int v;", "-O2");
	struct types_var v[] = {{.addr = 1, .hash = 7},
				{.name = "nobody", .hash = 7},
				{.hash = 7}};

	CHECK_INT_EQ(types_read(so, v, ARRAY_SIZE(v), NULL, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		CHECK_INT_EQ(v[i].hash, 0);
	unlink(so);
	free(so);
}

static void no_file(void)
{
	char *err = NULL;

	CHECK_INT_EQ(types_read("/nonexistent/x.so", NULL, 0, NULL, NULL, &err),
		     -1);
	CHECK_STR_HAS(err, "/nonexistent/x.so");
	free(err);
}

/* No file cut off anywhere does harm. */
static void damage(void)
{
	char *so = build(DEEP("int leaf"), "-O2"), *data;
	struct types_var v = {.addr = 0x3000};
	size_t len, n;
	uint32_t seed = 7;

	CHECK_INT_EQ(file_read(so, &data, &len, NULL), 0);
	for (int i = 0; i < 300; i++) {
		char *bad = xmalloc(len);

		memcpy(bad, data, len);
		for (int k = 0; k < 20; k++) {
			seed = seed * 1664525 + 1013904223;
			bad[seed % len] = (char)(seed >> 24);
		}
		n = i % 3 ? len : seed % len;
		file_write(so, bad, n, NULL);
		types_read(so, &v, 1, NULL, NULL, NULL);
		free(bad);
	}
	unlink(so);
	free(so);
	free(data);
}

static const struct check tests[] = {
    {"order in the file does not matter", order},
    {"other variables and types do not matter", bystanders},
    {"typedefs, const, volatile and static do not matter", spelling},
    {"whether code looks inside a type does not matter", use_does_not_matter},
    {"optimization and the form of the debug information do not matter",
     optimization},
    {"a member added, moved, removed, retyped or renamed is seen", members},
    {"another plain type, array or pointer is seen", plain_types},
    {"another signature behind a function pointer is seen", functions},
    {"enumerators added, renumbered or renamed are seen", enums},
    {"a change deep behind pointers is seen", deep},
    {"types that refer to each other are followed", recursion},
    {"anonymous structs and unions are spelt out", anonymous},
    {"bit-fields are seen bit by bit", bit_fields},
    {"of incomplete types the name counts", incomplete},
    {"equal names in two functions are two variables", local_statics},
    {"instances of an inlined function make no difference", inlined_statics},
    {"emulated thread-locals go by name and function", thread_locals},
    {"without debug information the hash is 0", no_debug_information},
    {"what is not found has hash 0", unknown_address},
    {"a missing file is an error that names it", no_file},
    {"damaged files do no harm", damage},
};

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	int status;

	dir = xasprintf("%s/hotwatch-typehash-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	status =
	    check_main(tests, ARRAY_SIZE(tests), argc > 1 ? argv[1] : NULL);
	rmdir(dir);
	free(dir);
	return status;
}
