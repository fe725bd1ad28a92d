/* SPDX-License-Identifier: MIT
 *
 * What of a call that waits at the gate is alive, by the type of the function.
 */
#include "codeserver/gate.h"
#include "codeserver/trap.h"
#include "tests/unit/layout-fixture.h"

#define FRAME 0x7fff00001000ul
#define VECTORS 832ul

size_t trap_vectors(void)
{
	return VECTORS;
}

static const char source[] =
    "struct small { int v; }; enum e { A }; typedef long number;"
    "void none(void) {}"
    "int one(int a) { return a; }"
    "void *three(char *a, enum e b, number c) { return a + b + c; }"
    "int seven(int a, int b, int c, int d, int e, int f, int g)"
    "{ return a + b + c + d + e + f + g; }"
    "double mixed(int a, double b, char *c) { return a + b + *c; }"
    "int large(long double a, int b) { return (int)a + b; }"
    "int wide(__int128 a) { return (int)a; }"
    "int many(int a, ...) { return a; }"
    "int whole(struct small a) { return a.v; }"
    "struct small made(int a) { return (struct small){a}; }";

static const struct row {
	const char *function;
	const char *words; /* of the registers that pass something */
	bool vectors;
} rows[] = {
    {"none", "", false},
    {"one", "rdi", false},
    {"three", "rdi rsi rdx", false},
    {"seven", "rdi rsi rdx rcx r8 r9", false},
    {"mixed", "rdi rsi", true},
    {"large", "rdi", false},
    {"wide", "rax rdi rsi rdx rcx r8 r9 r10", true},
    {"many", "rax rdi rsi rdx rcx r8 r9 r10", true},
    {"whole", "rax rdi rsi rdx rcx r8 r9 r10", true},
    {"made", "rax rdi rsi rdx rcx r8 r9 r10", true},
    {"not known", "rax rdi rsi rdx rcx r8 r9 r10", true},
};

static char *alive(const struct gate_args *a)
{
	static const char *const names[TRAP_KEPT] = {"rax", "rdi", "rsi",
						     "rdx", "rcx", "r8",
						     "r9",  "r10"};
	struct text t = {0};

	for (int i = 0; i < TRAP_KEPT; i++)
		if (!gate_args_dead(a, FRAME - 8 * (i + 1ul)))
			text_printf(&t, "%s%s", t.len ? " " : "", names[i]);
	text_puts(&t, "");
	return text_take(&t);
}

static void row_check(const struct layout *l, const struct row *row)
{
	uintptr_t vectors = (FRAME - 8 * TRAP_WORDS - VECTORS) & ~63ul;
	struct gate_args a;
	char *words;

	gate_args_of(&a, FRAME, l, layout_func(l, row->function));
	words = alive(&a);
	if (!CHECK_STR_EQ(words, row->words) ||
	    !CHECK_INT_EQ(!gate_args_dead(&a, vectors), row->vectors) ||
	    !CHECK_INT_EQ(!gate_args_dead(&a, vectors + VECTORS - 8),
			  row->vectors))
		check_print("function", row->function);
	for (int i = TRAP_KEPT; i < TRAP_WORDS; i++)
		CHECK(!gate_args_dead(&a, FRAME - 8 * (i + 1ul)));
	CHECK(!gate_args_dead(&a, FRAME)); /* the caller's own */
	CHECK(!gate_args_dead(&a, FRAME + 800));
	CHECK(gate_args_dead(&a, vectors - 8)); /* the gate's own */
	free(words);
}

static void table(void)
{
	struct sample s = sample_build(source, "-O2");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		row_check(&s.layout, &rows[i]);
	sample_free(&s);
}

/* Who does not wait has nothing that does not count. */
static void outside(void)
{
	struct gate_args a = {0};

	CHECK(!gate_args_dead(&a, FRAME));
	CHECK(!gate_args_dead(&a, FRAME - 8));
}

static const struct check tests[] = {
    {"the registers that pass arguments are told by the type", table},
    {"of who does not wait everything counts", outside},
};

CHECK_MAIN(tests)
