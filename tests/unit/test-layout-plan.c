/* SPDX-License-Identifier: MIT
 *
 * A variable before and after an edit: what becomes of its value, or why it
 * cannot. Each row is compiled for real, all rows in one source, each in a
 * function of its own, at -O0 and -O2. The live value is the old initializer.
 */
#include "tests/unit/layout-fixture.h"

struct row {
	const char *old, *new; /* declarations; the variable is v */
	const char *expect;    /* the new leaves, or the refusal */
};

static const struct row rows[] = {
    /* integers */
    {"static int v = 7;", "static int v = 9;", "same: =7"},
    {"static int v = -7;", "static long v;", "=-7"},
    {"static short v = -7;", "static __int128 v;", "=-7"},
    {"static long v = 7;", "static char v;", "=7"},
    {"static int v = 70000;", "static short v;",
     "its value is 70000, which does not fit short"},
    {"static int v = -1;", "static unsigned v;",
     "its value is -1, which does not fit unsigned int"},
    {"static unsigned v = 4000000000u;", "static int v;",
     "its value is 4000000000, which does not fit int"},
    {"static unsigned v = 4000000000u;", "static long v;", "=4000000000"},
    {"static unsigned char v = 200;", "static signed char v;",
     "its value is 200, which does not fit signed char"},
    {"static signed char v = -128;", "static long long v;", "=-128"},
    {"static unsigned long v = -1;", "static unsigned __int128 v;",
     "=18446744073709551615"},
    {"static int v = 1;", "static _Bool v;", "=true"},
    {"static int v = 2;", "static _Bool v;",
     "its value is 2, which does not fit _Bool"},
    {"static _Bool v = 1;", "static int v;", "=1"},
    {"static int v[3] = {1, -2, 3};", "static long v[3];",
     "[0]=1 [1]=-2 [2]=3"},
    {"typedef int count_t; static count_t v = 3;",
     "typedef long count_t; static count_t v;", "=3"},
    {"static int v = 3;", "static volatile int v;", "same: =3"},
    /* floats */
    {"static float v = 0.5;", "static double v;", "=0.5"},
    {"static double v = 0.1;", "static float v;", "=0.1"},
    {"static double v = 1e300;", "static float v;",
     "its value is 1e+300, which does not fit float"},
    {"static double v = 1e300;", "static long double v;",
     "=1.0000000000000000525e+300"},
    {"static int v = 3;", "static double v;", "=3"},
    {"static double v = 3;", "static int v;", "=3"},
    {"static double v = 3.5;", "static int v;",
     "its value is 3.5, which does not fit int"},
    {"static long v = 0x100000000000001;", "static double v;",
     "its value is 72057594037927937, which does not fit double"},
    /* enums */
    {"enum e { A, B, C }; static enum e v = C;",
     "enum e { A, C, B }; static enum e v;", "=C"},
    {"enum e { A, B }; static enum e v = B;",
     "enum e { A, B, C }; static enum e v;", "same: =B"},
    {"enum e { A, B, C }; static enum e v = B;",
     "enum e { A, C }; static enum e v;",
     "its value is B, which enum e has no more"},
    {"enum e { A, B, C }; static enum e v = C;",
     "enum e { A, C }; static enum e v;", "=C"},
    {"enum e { A, B }; static enum e v = B;",
     "enum e { A, RENAMED }; static enum e v;", "same: =RENAMED"},
    {"enum e { A = 1, B = 2 }; static enum e v = 3;",
     "enum e { A = 1, B = 2, C = 4 }; static enum e v;", "same: =3"},
    {"enum e { A = 1, B = 2 }; static enum e v = 3;",
     "enum e { A = 2, B = 1 }; static enum e v;",
     "its value is 3, which is no enumerator, and those of enum e have other "
     "numbers now"},
    {"enum e { A, B }; static enum e v = B;", "static long v;", "=1"},
    {"static int v = 1;", "enum e { A, B }; static enum e v;", "=B"},
    /* structs */
    {"static struct { int a, b; } v = {1, 2};",
     "static struct { int b, a; } v;", "b=2 a=1"},
    {"static struct { int a, b; } v = {1, 2};",
     "static struct { int a, b, c; } v = {7, 8, 9};", "a=1 b=2 c=9; added c"},
    {"static struct { int a, b; } v = {1, 2};",
     "static struct { int a, n, b; } v = {7, 8, 9};", "a=1 n=8 b=2; added n"},
    {"static struct { int a, b, c; } v = {1, 2, 3};",
     "static struct { int a, c; } v;", "a=1 c=3; removed b"},
    {"static struct { int a, b; } v = {1, 2};",
     "static struct { int a, renamed; } v = {7, 8};",
     "a=1 renamed=8; removed b; added renamed"},
    {"static struct { char a; } v = {1};",
     "static struct { char a; char b; int c; } v = {0, 2, 3};",
     "a=1 b=2 c=3; added b; added c"},
    {"struct s { int a; }; static struct s v = {1};",
     "struct t { long a; }; static struct t v;", "a=1"},
    {"struct in { short x; }; static struct { struct in i; int z; } v = "
     "{{-3}, 4};",
     "struct in { short y; int x; }; static struct { struct in i; int z; } v "
     "= {{5, 6}, 7};",
     "i.y=5 i.x=-3 z=4; added i.y"},
    {"static struct { int a; char b; long c; } v = {1, 'b', 3};",
     "static struct __attribute__((packed)) { int a; char b; long c; } v;",
     "a=1 b='b' c=3"},
    {"static struct { int a; struct { int b; }; } v = {1, {2}};",
     "static struct { struct { int a; }; int b; } v;", "same: a=1 b=2"},
    {"static struct { int a; struct { int x, y; }; } v = {1, {2, 3}};",
     "static struct { long a; struct { int y, x; }; } v;", "a=1 y=3 x=2"},
    {"static struct { int a; } v = {1};", "static int v;",
     "struct {...} cannot become int"},
    {"struct s { int a; }; static struct { int v; } v;",
     "struct s { int a; }; static struct { struct s v; } v;",
     "member v: int cannot become struct s"},
    /* arrays */
    {"static int v[2] = {1, 2};", "static int v[4] = {6, 7, 8, 9};",
     "[0]=1 [1]=2 [2]=8 [3]=9"},
    {"static int v[4] = {1, 2};", "static int v[2];", "[0]=1 [1]=2"},
    {"static int v[4] = {1, 2, 3};", "static int v[2];",
     "what is from [2] on is in use, and would be lost"},
    {"static int v[2][2] = {{1, 2}, {3, 4}};",
     "static long v[2][3] = {{0, 0, 5}, {0, 0, 6}};",
     "[0][0]=1 [0][1]=2 [0][2]=5 [1][0]=3 [1][1]=4 [1][2]=6"},
    {"static struct { int a; char s[2]; } v[2] = {{1, {2, 3}}, {4, {5, 6}}};",
     "static struct { char s[2]; int n; int a; } v[3] = {{{0}, 7, 0}, {{0}, "
     "8, 0}, {{9}, 9, 9}};",
     "[0].s=\"\\x02\\x03\" [0].n=7 [0].a=1 [1].s=\"\\x05\\x06\" [1].n=8 "
     "[1].a=4 [2].s=\"\\x09\" [2].n=9 [2].a=9; added [].n"},
    {"static struct { int q[3]; } v[1] = {{{1, 2, 3}}};",
     "static struct { int q[2]; } v[1];",
     "what is from [0].q[2] on is in use, and would be lost"},
    {"static int v = 1;", "static int v[2];", "int cannot become int[2]"},
    {"static char v[8] = \"hello\";", "static char v[16] = \"other one\";",
     "=\"hello\""},
    {"static char v[16] = \"hello\";", "static char v[6];", "=\"hello\""},
    {"static char v[16] = \"hello\";", "static char v[4];",
     "its value is \"hello\", which does not fit char[4]"},
    {"static struct { int n; short x[]; } v = {1, {2, 3}};",
     "static struct { int n; int x[]; } v = {0, {7, 8, 9}};",
     "n=1 x[0]=2 x[1]=3 x[2]=9"},
    /* unions, bit-fields, pointers, the rest */
    {"static union { int i; float f; } v = {1};",
     "static union { float f; int i; } v;", "same: ={01 00 00 00}"},
    {"static union { int i; float f; } v = {1};",
     "static union { int i; double f; } v;",
     "its union changed, and nothing says which of the members is in use"},
    {"static struct { int t; union { int i; float f; }; } v = {1, {2}};",
     "static struct { long t; union { int i; float f; }; } v;",
     "t=1 i={02 00 00 00}"},
    {"static struct { int t; union { int i; float f; }; } v = {1, {2}};",
     "static struct { int t; union { int i; float f; char c; }; } v;",
     "member i: its union changed, and nothing says which of the members is "
     "in use"},
    {"static struct { int t; union { int i; float f; }; } v = {1, {2}};",
     "static struct { int t; int i; } v;",
     "member i: it left its union, and nothing says which member of that was "
     "in use"},
    {"static struct { int t; int i; } v = {1, 2};",
     "static struct { int t; union { long x; int i; }; } v;",
     "t=1 x={02 00 00 00 00 00 00 00}; added x"},
    {"static struct { unsigned a : 3, b : 5; int c; } v = {5, 17, 9};",
     "static struct { unsigned a : 4, b : 9; int c; } v;", "a=5 b=17 c=9"},
    {"static struct { unsigned a : 3, b : 5; } v = {5, 17};",
     "static struct { unsigned a; unsigned char b; } v;", "a=5 b=17"},
    {"static struct { int a, b; } v = {-2, 1};",
     "static struct { int a : 3, b : 2; } v;", "a=-2 b=1"},
    {"static struct { int a; } v = {4};", "static struct { int a : 3; } v;",
     "a is 4, which does not fit 3 bits of int"},
    {"static struct { long a : 40, b : 20; int c; } v = {-1, 2, 3};",
     "static struct { int c; long b : 20, a : 44; } v;", "c=3 b=2 a=-1"},
    {"static char *v;", "static void *v;", "same: =NULL"},
    {"static void *v;", "static int (*v)(void);", "same: =NULL"},
    {"static int *v;", "static int (*v)(void);",
     "int * cannot become int (*)(void)"},
    {"static int (*v)(int);", "static int (*v)(int, char *);", "same: =NULL"},
    {"static char *v;", "static long v;", "char * cannot become long"},
    {"static char *v;", "static char v[8];", "char * cannot become char[8]"},
    {"static _Complex double v = 1.0;", "static _Complex float v;",
     "complex cannot become another complex"},
    {"typedef int q __attribute__((vector_size(16))); static q v = {1};",
     "typedef int q __attribute__((vector_size(16))); static q v;",
     "same: ={01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00}"},
    {"static __thread int v = 3;", "static __thread long v;", "=3"},
};

/* All rows of one side in one source. */
static char *side(bool new)
{
	struct text t = {0};

	text_puts(&t, "void use(void *);\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		text_printf(&t, "void f%zu(void) { %s use((void *)&v); }\n", i,
			    new ? rows[i].new : rows[i].old);
	return text_take(&t);
}

struct show {
	const struct plan *plan;
	const char *bytes;
	struct text *out;
};

static int show_leaf(const struct plan_leaf *leaf, void *arg)
{
	struct show *s = arg;
	char path[200], value[200];

	layout_path(s->plan, leaf, path, sizeof(path));
	layout_print_new(s->plan, leaf, s->bytes, value, sizeof(value));
	text_printf(s->out, "%s%s=%s",
		    s->out->len && s->out->s[s->out->len - 1] != ' ' ? " " : "",
		    path, value);
	return 0;
}

struct convert {
	const struct plan *plan;
	const char *old;
	char *new;
	char why[300];
};

static int convert_leaf(const struct plan_leaf *leaf, void *arg)
{
	struct convert *c = arg;

	return layout_convert(c->plan, leaf, c->old, c->new, c->why,
			      sizeof(c->why));
}

/* The leaves of the new variable, whose bytes are in BYTES. */
static void show(const struct layout *l, const struct layout_var *v,
		 const char *bytes, struct text *out)
{
	struct plan p;
	struct show s = {.plan = &p, .bytes = bytes, .out = out};

	CHECK_INT_EQ(layout_plan(l, v, l, v, &p), 0);
	CHECK(p.same);
	layout_leaves(&p, show_leaf, &s);
	plan_free(&p);
}

static void names_show(const struct plan_names *n, const char *word,
		       struct text *out)
{
	for (size_t i = 0; i < n->n; i++)
		text_printf(out, "; %s %s", word, n->v[i]);
}

/* What becomes of the variable ID, in the words of the table. */
static char *outcome(const struct sample *was, const struct sample *is,
		     const char *id, const char *image)
{
	const struct layout_var *a = layout_var(&was->layout, id);
	const struct layout_var *b = layout_var(&is->layout, id);
	struct convert c = {0};
	struct plan p;
	struct text out = {0};

	if (!a || !b)
		return xasprintf("no variable %s", id);
	if (layout_plan(&was->layout, a, &is->layout, b, &p) < 0) {
		text_puts(&out, p.refusal);
		plan_free(&p);
		return text_take(&out);
	}
	c.plan = &p;
	c.old = sample_image(was, image, a->size);
	c.new = sample_image(is, image, b->size);
	if (layout_leaves(&p, convert_leaf, &c) < 0) {
		text_puts(&out, c.why);
	} else {
		text_puts(&out, p.same ? "same: " : "");
		show(&is->layout, b, c.new, &out);
		names_show(&p.removed, "removed", &out);
		names_show(&p.added, "added", &out);
	}
	free((char *)(uintptr_t)c.old);
	free(c.new);
	plan_free(&p);
	return text_take(&out);
}

static void row_check(size_t i, const struct sample *was,
		      const struct sample *is)
{
	bool tls = strstr(rows[i].old, "__thread");
	char *id = xasprintf("m:%sf%zu.v", tls ? "__emutls_v." : "", i);
	char *image = xasprintf("m:%sf%zu.v", tls ? "__emutls_t." : "", i);
	char *got = outcome(was, is, id, image);

	if (!CHECK_STR_EQ(got, rows[i].expect)) {
		check_print("old", rows[i].old);
		check_print("new", rows[i].new);
	}
	free(got);
	free(id);
	free(image);
}

static void table(const char *opt)
{
	char *old = side(false), *new = side(true);
	struct sample was = sample_build(old, opt), is = sample_build(new, opt);

	for (size_t i = 0; was.section && is.section && i < ARRAY_SIZE(rows);
	     i++)
		row_check(i, &was, &is);
	sample_free(&was);
	sample_free(&is);
	free(old);
	free(new);
}

static void unoptimized(void)
{
	table("-O0");
}

static void optimized(void)
{
	table("-O2");
}

static const struct check tests[] = {
    {"values are converted or refused as the table says, at -O0", unoptimized},
    {"values are converted or refused as the table says, at -O2", optimized},
};

CHECK_MAIN(tests)
