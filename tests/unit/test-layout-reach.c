/* SPDX-License-Identifier: MIT
 *
 * What of a module's types may be on the heap and changed, with the way there;
 * and what a section says besides: who touches which variable, names.
 */
#include "tests/unit/layout-fixture.h"

struct row {
	const char *old, *new;
	const char *expect; /* "" : nothing */
};

#define LIST(members)                                        \
	"typedef struct list { struct entry *head; int n;"   \
	"} list; struct entry { " members " };"              \
	"struct db { list *lists[2]; int id; };"             \
	"static struct { int port; struct db *db; } server;" \
	"void *keep[] = {&server};"

#define HEAP(decl) decl " void f(struct s *s) { (void)s; }"

/* TWO, NEW: a struct behind a struct that a pointer leads to. */
#define TWO "struct t { int n; }; struct s { struct t *b; };"
#define NEW "struct t { int m, n; }; struct s { struct t *b; };"

/* A way of which the middle is left out. */
#define IN(name, of) \
	"struct " name " { struct " of " a_rather_long_name_of_a_member; };"
#define DEEP(more)                                                           \
	"struct t { int n; " more                                            \
	" }; struct a { struct t *p; };" IN("b", "a") IN("c", "b")           \
	    IN("d", "c") IN("e", "d") IN("f", "e") IN("g", "f") IN("h", "g") \
		IN("i", "h") IN("j", "i")                                    \
		    IN("k", "j") "static struct k root; void *keep = &root;"
static const struct row rows[] = {
    {LIST("struct entry *next; void *v;"), LIST("struct entry *next; void *v;"),
     ""},
    {LIST("struct entry *next; int v;"),
     LIST("int k, j; struct entry *next; int v;"),
     "server.db[0].lists[0][0].head → entry: member next moved 0 → 8"},
    {LIST("struct entry *next; int v;"), LIST("struct entry *next; long v;"),
     "server.db[0].lists[0][0].head → entry: member v: int became long"},
    {LIST("struct entry *next; int v;"), LIST("struct entry *next; int w;"),
     ""},
    {LIST("struct entry *next; int v;"), LIST("struct entry *next; int v, w;"),
     "server.db[0].lists[0][0].head → entry: member w added"},
    {LIST("struct entry *next; int v, w;"),
     LIST("struct entry *next; int w, v;"),
     "server.db[0].lists[0][0].head → entry: member v moved 8 → 12"},
    {LIST("struct entry *next; int v, w;"), LIST("struct entry *next; int w;"),
     "server.db[0].lists[0][0].head → entry: member v removed"},
    /* by value only */
    {"struct s { int a; }; static struct s v; void *keep = &v;",
     "struct s { int a, b; }; static struct s v; void *keep = &v;", ""},
    {"struct s { int a; }; static struct { struct s x[3]; } v; void *keep = "
     "&v;",
     "struct s { long a; }; static struct { struct s x[3]; } v; void *keep = "
     "&v;",
     ""},
    /* where a pointer is */
    {HEAP("struct s { int a; };"), HEAP("struct s { long a; };"),
     "f(): s → s: member a: int became long"},
    {"struct s { int a; }; struct s *make(void) { return 0; }",
     "struct s { int a, b; }; struct s *make(void) { return 0; }",
     "make() → s: member b added"},
    {"struct s { int a; }; int f(void *p) { struct s *x = p; return x->a; }",
     "struct s { int b, a; }; int f(void *p) { struct s *x = p; return x->a; }",
     "f(): x → s: member a moved 0 → 4"},
    {"struct s { int a; }; int f(void *p) { return ((struct s *)p)->a; }",
     "struct s { int b, a; }; int f(void *p) { return ((struct s *)p)->a; }",
     "a cast → s: member a moved 0 → 4"},
    {"struct s { int a; }; static void (*cb)(struct s *); void *keep = &cb;",
     "struct s { int b, a; }; static void (*cb)(struct s *); void *keep = &cb;",
     "cb(...) → s: member a moved 0 → 4"},
    {"static void (*cb)(int); void *keep = &cb;",
     "static void (*cb)(int, int); void *keep = &cb;",
     "cb → void (int): void (int) became void (int, int)"},
    {"static int *p; void *keep = &p;", "static long *p; void *keep = &p;",
     "p → int: int became long"},
    {"static char *p; void *keep = &p;",
     "static unsigned char *p; void *keep = &p;", ""},
    {"static void *p; void *keep = &p;",
     "struct s { int a; }; static struct s *p; void *keep = &p;", ""},
    {"struct s { int a; }; struct t { int a; }; static struct s *p; void *keep "
     "= &p;",
     "struct s { int a; }; struct t { int a; }; static struct t *p; void *keep "
     "= &p;",
     ""},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "struct s { int a; }; struct t { int b, a; }; static struct t *p; void "
     "*keep = &p;",
     "p → s: struct t is in its place now: member a moved 0 → 4"},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "struct s { int a; }; struct t { int b; long c; }; static struct t *p;"
     "void *keep[] = {&p, (struct s *)0};",
     "p → s: struct t is in its place now: member c added"},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "static struct { int x; long y; } *p; void *keep = &p;",
     "p → s: struct {...} is in its place now: member y added"},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "static int *p; void *keep = &p;", "p → s: struct s became int"},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "static char *p; void *keep = &p;", ""},
    /* enums, arrays, bit-fields, anonymous ones */
    {HEAP("enum e { A, B }; struct s { enum e x; };"),
     HEAP("enum e { A, B, C }; struct s { enum e x; };"), ""},
    {HEAP("enum e { A, B }; struct s { enum e x; };"),
     HEAP("enum e { B, A }; struct s { enum e x; };"),
     "f(): s → s: member x: enumerator A changed 0 → 1"},
    {HEAP("struct s { char name[16]; };"), HEAP("struct s { char name[32]; };"),
     "f(): s → s: member name: char[16] became char[32]"},
    {HEAP("struct s { unsigned a : 3, b : 4; };"),
     HEAP("struct s { unsigned a : 4, b : 4; };"),
     "f(): s → s: member a: 3 bits became 4"},
    {HEAP("struct in { int x; }; struct s { struct in i; int z; };"),
     HEAP("struct in { int x, y; }; struct s { struct in i; int z; };"),
     "f(): s → s: member i.y added"},
    {HEAP("struct s { struct { int x; } i; int z; };"),
     HEAP("struct s { struct { int w, x; } i; int z; };"),
     "f(): s → s: member i.x moved 0 → 4"},
    {HEAP("struct s { int t; union { int i; float f; }; };"),
     HEAP("struct s { int t; union { int i; double f; }; };"),
     "f(): s → s: member i moved 4 → 8"},
    {"static struct { int a; } *p; void *keep = &p;",
     "static struct { int b, a; } *p; void *keep = &p;",
     "p → struct {...}: member a moved 0 → 4"},
    {"typedef struct { int a; } T; void f(T *t) { (void)t; }",
     "typedef struct { int b, a; } T; void f(T *t) { (void)t; }",
     "f(): t → T: member a moved 0 → 4"},
    {HEAP("struct s { int a; union { int b; }; };"),
     HEAP("struct s { int a; struct { int b; }; };"), ""},
    /* each way to begin, and to go on */
    {TWO "static struct s *p; void *keep = &p;",
     NEW "static struct s *p; void *keep = &p;",
     "p[0].b → t: member n moved 0 → 4"},
    {TWO "void f(void *b) { static struct { struct s *s[2]; } v;"
	 " v.s[1] = b; }",
     NEW "void f(void *b) { static struct { struct s *s[2]; } v;"
	 " v.s[1] = b; }",
     "f(): v.s[0][0].b → t: member n moved 0 → 4"},
    {TWO "static __thread struct s *p; void f(void *b) { p = b; }",
     NEW "static __thread struct s *p; void f(void *b) { p = b; }",
     "p[0].b → t: member n moved 0 → 4"},
    {TWO "void f(int a, struct s *) { (void)a; }",
     NEW "void f(int a, struct s *) { (void)a; }",
     "f(): parameter 2[0].b → t: member n moved 0 → 4"},
    {TWO "void f(struct s s) { (void)s; }",
     NEW "void f(struct s s) { (void)s; }",
     "f(): s.b → t: member n moved 0 → 4"},
    {TWO "struct s *f(void) { return 0; }",
     NEW "struct s *f(void) { return 0; }",
     "f()[0].b → t: member n moved 0 → 4"},
    {TWO "struct s f(void) { return (struct s){0}; }",
     NEW "struct s f(void) { return (struct s){0}; }",
     "f().b → t: member n moved 0 → 4"},
    {TWO "int f(void *p) { struct s *x = p; return x->b != 0; }",
     NEW "int f(void *p) { struct s *x = p; return x->b != 0; }",
     "f(): x[0].b → t: member n moved 0 → 4"},
    {TWO "int f(void *p) { return ((struct s *)p)->b != 0; }",
     NEW "int f(void *p) { return ((struct s *)p)->b != 0; }",
     "a cast → t: member n moved 0 → 4"},
    {TWO "static struct { struct s *(*get)(int); } h; void *keep = &h;",
     NEW "static struct { struct s *(*get)(int); } h; void *keep = &h;",
     "h.get()[0].b → t: member n moved 0 → 4"},
    {TWO "static void (*set)(struct s); void *keep = &set;",
     NEW "static void (*set)(struct s); void *keep = &set;",
     "set(...).b → t: member n moved 0 → 4"},
    {DEEP(""), DEEP("int w;"),
     "root….a_rather_long_name_of_a_member.a_rather_long_name_of_a_member."
     "a_rather_long_name_of_a_member.a_rather_long_name_of_a_member."
     "a_rather_long_name_of_a_member.a_rather_long_name_of_a_member."
     "a_rather_long_name_of_a_member.p → t: member w added"},
    /* known by name only, on one side or both */
    {"struct s; static struct s *p; void *keep = &p;",
     "struct s { int a; }; static struct s *p; void *keep = &p;", ""},
    {"struct s { int a; }; static struct s *p; void *keep = &p;",
     "struct s; static struct s *p; void *keep = &p;", ""},
    {HEAP("struct s { struct s *a; struct t *b; }; struct t { struct s *s; };"),
     HEAP("struct s { struct s *a; struct t *b; }; struct t { struct s *s; int "
	  "n; };"),
     "f(): s[0].b → t: member n added"},
};

static void row_check(const struct row *row, const char *opt)
{
	struct sample was = sample_build(row->old, opt),
		      is = sample_build(row->new, opt);
	struct layout_reached r = {.text = ""};
	int found = layout_reach(&was.layout, &is.layout, &r);

	CHECK_INT_EQ(found, row->expect[0] != '\0');
	if (!CHECK_STR_EQ(r.text, row->expect)) {
		check_print("old", row->old);
		check_print("new", row->new);
	}
	sample_free(&was);
	sample_free(&is);
}

static void table(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		row_check(&rows[i], "-O2");
}

/* Types are the same at every level; what of a function is left is not. */
static void unoptimized(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strstr(rows[i].expect, "f(): x") ||
		    strstr(rows[i].expect, "make()") ||
		    strstr(rows[i].expect, "a cast"))
			row_check(&rows[i], "-O0");
}

/* --- what else a section says --------------------------------------------- */

static const char uses[] =
    "#define N __attribute__((noinline))\n"
    "static int a, b, c, d, e; extern int far; int own; static __thread int t;"
    "static int *const table[] = {&c, &own};"
    "N static void leaf(void) { a++; }"
    "N static void caller(void) { leaf(); b++; }"
    "N static void through(int i) { *table[i] += 1; }"
    "N static void callback(void) { d++; }"
    "void (*registered)(void);"
    "N void registers(void) { registered = callback; }"
    "N void outer(void) { caller(); registers(); far++; t++; }"
    "N int locals(int x) { static int n; { static char n; n += x; }"
    "  n += x; return e + n; }"
    "int main(int n, char **v) { outer(); through(n); return locals(1); }";

/* Who may touch variable ID, in the order of their ids. */
static char *touchers(const struct sample *s, const char *id)
{
	bool *touches = xcalloc(s->layout.nfuncs, 1);
	struct text out = {0};

	layout_touchers(&s->layout, &id, 1, touches);
	for (uint32_t i = 0; i < s->layout.nfuncs; i++)
		if (touches[i])
			text_printf(&out, "%s%s", out.len ? " " : "",
				    layout_str(&s->layout,
					       s->layout.funcs[i].id));
	free(touches);
	return text_take(&out);
}

static void check_touchers(const struct sample *s, const char *id,
			   const char *want)
{
	char *got = touchers(s, id);

	if (!CHECK_STR_EQ(got, want))
		check_print("variable", id);
	free(got);
}

static void who_touches(void)
{
	static const char *const levels[] = {"-O0", "-O2"};

	for (int i = 0; i < 2; i++) {
		struct sample s = sample_build(uses, levels[i]);

		check_touchers(&s, "m:a", "m:caller m:leaf main outer");
		check_touchers(&s, "m:b", "m:caller main outer");
		check_touchers(&s, "m:c", "m:through main");
		check_touchers(&s, "own", "m:through main");
		/* Its address is its stub's, which leads to new code. */
		check_touchers(&s, "m:d", "m:callback");
		check_touchers(&s, "registered", "main outer registers");
		check_touchers(&s, "far", "main outer");
		check_touchers(&s, "m:__emutls_v.t", "main outer");
		check_touchers(&s, "m:locals.n", "locals main");
		check_touchers(&s, "nobody", "");
		sample_free(&s);
	}
}

static void where_code_is(void)
{
	struct sample s = sample_build(uses, "-O2");
	const struct layout_func *f = layout_func(&s.layout, "m:caller");

	if (!CHECK(f != NULL))
		return;
	CHECK(f->size > 0);
	CHECK_INT_EQ(f->flags, 0);
	CHECK_INT_EQ(f->line, 2);
	CHECK(layout_func_at(&s.layout, f->addr) == f);
	CHECK(layout_func_at(&s.layout, f->addr + f->size - 1) == f);
	CHECK(layout_func_at(&s.layout, f->addr + f->size) != f);
	CHECK(layout_func_at(&s.layout, 0) == NULL);
	f = layout_func(&s.layout, "outer");
	CHECK(f && f->flags == LAYOUT_FUNC_CALLABLE);
	sample_free(&s);
}

static void check_names(const struct sample *s, const char *id,
			const char *name, const char *type, uint32_t line)
{
	const struct layout_var *v = layout_var(&s->layout, id);
	char got[200];

	if (!CHECK(v != NULL)) {
		check_print("no variable", id);
		return;
	}
	layout_var_name(&s->layout, v, got, sizeof(got));
	CHECK_STR_EQ(got, name);
	CHECK_STR_EQ(layout_str(&s->layout, v->spelt), type);
	CHECK_INT_EQ(v->line, line);
	CHECK_STR_HAS(layout_str(&s->layout, v->file), "/m.c");
}

static void names(void)
{
	struct sample s = sample_build(
	    "typedef unsigned long size_type;\n"
	    "struct s { int a; };\nstatic size_type *sizes[3][4];\n"
	    "int (*cb)(struct s *, ...);\nstatic const struct s *volatile p;\n"
	    "__thread struct s tls;\n"
	    "static char (*row)[8];\n"
	    "void *f(void) {\nstatic size_type n;\n"
	    "if (cb) { static short n; cb(0, &n); }\n"
	    "static __thread long u; if (p) {\n"
	    "static __thread char u;\nreturn &u; }\n"
	    "cb(0, sizes, &n, &u, row, &tls); return (void *)p; }\n",
	    "-O2");

	check_names(&s, "m:sizes", "sizes", "size_type *[3][4]", 3);
	check_names(&s, "cb", "cb", "int (*)(struct s *, ...)", 4);
	check_names(&s, "m:p", "p", "struct s *", 5);
	check_names(&s, "__emutls_v.tls", "tls", "struct s", 6);
	check_names(&s, "m:row", "row", "char (*)[8]", 7);
	check_names(&s, "m:f.n", "n in f()", "size_type", 9);
	check_names(&s, "m:f.n.1", "n in f()", "short", 10);
	check_names(&s, "m:__emutls_v.f.u", "u in f()", "long", 11);
	check_names(&s, "m:__emutls_v.f.u.2", "u in f()", "char", 12);
	sample_free(&s);
}

static void sections(void)
{
	struct sample s =
	    sample_build("#define IN __attribute__((section(\"mine\")))\n"
			 "IN static int first = 1; IN static long second = 2;"
			 "void *keep[] = {&first, &second};",
			 "-O0");
	const struct layout_var *v = layout_var(&s.layout, "m:[mine]");
	const struct layout_type *t;

	if (!CHECK(v && v->type))
		return;
	t = &s.layout.types[v->type];
	CHECK_INT_EQ(t->kind, LAYOUT_STRUCT);
	CHECK_INT_EQ(t->count, 2);
	CHECK_STR_EQ(layout_str(&s.layout, s.layout.parts[t->first + 1].name),
		     "second");
	sample_free(&s);
}

/* --- what nobody vouches for ---------------------------------------------- */

/* Everything is asked of it; what it answers does not matter. */
static void ask_all(const struct layout *l, const struct layout *other)
{
	struct layout_reached r;
	struct plan p;
	char name[100];

	for (uint32_t i = 0; i < l->nvars; i++) {
		const struct layout_var *b =
		    layout_var(other, layout_str(l, l->vars[i].id));

		layout_var_name(l, &l->vars[i], name, sizeof(name));
		layout_type_name(l, l->vars[i].type, name, sizeof(name));
		if (b) {
			layout_plan(l, &l->vars[i], other, b, &p);
			plan_free(&p);
		}
	}
	layout_reach(l, other, &r);
	layout_reach(other, l, &r);
}

static void damaged(void)
{
	struct sample s =
	    sample_build(LIST("struct entry *next; int v;"), "-O2");
	char *bytes = xmalloc(s.section_size);
	uint32_t seed = 1, opened = 0;

	for (int i = 0; i < 4000; i++) {
		struct layout l;
		size_t n = s.section_size;

		memcpy(bytes, s.section, n);
		for (int k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 8) % n] ^= (char)(1 << (seed & 7));
		}
		if (i % 7 == 0)
			n = seed % n;
		if (layout_open(&l, bytes, n) < 0)
			continue;
		opened++;
		ask_all(&l, &s.layout);
	}
	CHECK(opened > 0); /* a flipped name or number is none of its affair */
	free(bytes);
	sample_free(&s);
}

static void not_a_section(void)
{
	static const char zero[256] __attribute__((aligned(8)));
	struct layout l;

	CHECK_INT_EQ(layout_open(&l, NULL, 0), -1);
	CHECK_INT_EQ(layout_open(&l, zero, sizeof(zero)), -1);
	CHECK(layout_var(&l, "x") == NULL);
	CHECK(layout_func(&l, "x") == NULL);
}

static const struct check tests[] = {
    {"changed types behind pointers are found as the table says", table},
    {"functions' pointers are found without optimization too", unoptimized},
    {"a function touches what it and its local callees refer to", who_touches},
    {"an address leads to its function", where_code_is},
    {"variables are named as in the source, with their lines", names},
    {"a section of the user's is a struct of its variables", sections},
    {"a damaged section does no harm", damaged},
    {"what is not a section is not opened", not_a_section},
};

CHECK_MAIN(tests)
