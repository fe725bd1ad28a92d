/* SPDX-License-Identifier: MIT
 *
 * Call frame information says where each frame's caller stands. Registers that
 * are not known stay so until a frame's rules say where they were saved; a
 * rule that needs one that is not known ends the walk, it never guesses.
 *
 * One exception: of a blocked thread the kernel tells rsp and rip alone. Code
 * with frame pointers (-O0, or a function with a large frame) is left by rbp,
 * and a libc wrapper that has no use for rbp has not saved it. There the
 * prologue tells the distance: push %rbp; mov %rsp,%rbp; pushes; and $-N,%rsp
 * (a local that is aligned to more than 16, as each of AddressSanitizer's
 * frames is); sub $N,%rsp. It is believed if what it leads to is a return
 * address, and the whole walk then counts only if it comes to the thread's
 * outermost frame. Frames of variable size (alloca) are not worked out; such a
 * walk fails.
 *
 * A stub has no call frame information. It pushes nothing, so its caller is
 * where rsp points; one can stand there only as the innermost frame.
 */
#include "codeserver/unwind.h"

#include <string.h>

#include "codeserver/guest.h"
#include "codeserver/memory.h"

#define FRAMES_MAX (1u << 20)
#define SETS 32 /* of kept rows, WAYS each */
#define WAYS 4
#define PUSHED_MAX 16 /* words of arguments on the stack during a call */
#define ALIGN_MAX 4096

/* rax rdx rcx rsi rdi r8-r11: a call does not keep them. */
#define CALL_CLOBBERED 0x0f37u

/* A row that has no expressions, at ~not_pc. */
struct kept_row {
	uintptr_t not_pc, not_function;
	struct cfi_rule cfa, reg[CFI_REGS];
	unsigned cfa_reg, ra;
	bool signal;
};

static struct kept_row rows[SETS][WAYS];
static unsigned next_way;
static struct cfi_row row;

void unwind_forget(void)
{
	memset(rows, 0, sizeof(rows));
	memset(&row, 0, sizeof(row));
}

static bool row_plain(void)
{
	if (row.cfa.kind != CFI_REG)
		return false;
	for (int i = 0; i < CFI_REGS; i++)
		if (row.reg[i].kind >= CFI_AT_EXPR)
			return false;
	return true;
}

static struct kept_row *set_of(uintptr_t pc)
{
	return rows[pc * 0x9e3779b97f4a7c15u >> 32 & (SETS - 1)];
}

static void row_take(const struct kept_row *k)
{
	row.function = ~k->not_function;
	row.cfa = k->cfa;
	memcpy(row.reg, k->reg, sizeof(row.reg));
	row.cfa_reg = k->cfa_reg;
	row.ra = k->ra;
	row.signal = k->signal;
}

static void row_keep(uintptr_t pc)
{
	struct kept_row *k = &set_of(pc)[next_way++ % WAYS];

	*k = (struct kept_row){~pc,         ~row.function, row.cfa,   {{0}},
			       row.cfa_reg, row.ra,        row.signal};
	memcpy(k->reg, row.reg, sizeof(row.reg));
}

static int row_find(uintptr_t pc)
{
	const struct kept_row *set = set_of(pc);

	for (int i = 0; i < WAYS; i++)
		if (set[i].not_pc == ~pc) {
			row_take(&set[i]);
			return 0;
		}
	if (cfi_find(pc, &row) < 0)
		return -1;
	if (row_plain())
		row_keep(pc);
	return 0;
}

/* --- rbp from the prologue ------------------------------------------------ */

/* What lies before a return address: call rel32, or call through a register
 * or memory, in its lengths. */
static bool return_address(uintptr_t at)
{
	unsigned char b[8];

	if (at < 4096 || memory_peek(at - 7, b, 7) < 0)
		return false;
	if (b[2] == 0xe8)
		return true;
	for (int i = 0; i <= 5; i++) /* ff /2 */
		if (b[i] == 0xff && (b[i + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* What a prologue with a frame pointer puts between rbp and rsp, in bytes:
 * registers, what is skipped to align rsp (up to that), and the locals. */
struct frame {
	uint64_t pushed, align, locals;
};

/* op $N,%rsp, as one byte or four: the instruction's length, 0: it is none. */
static int rsp_by(const unsigned char *p, unsigned char op, int32_t *n)
{
	if (p[0] != 0x48 || p[2] != op)
		return 0;
	if (p[1] == 0x83) {
		*n = (int8_t)p[3];
		return 4;
	}
	memcpy(n, p + 3, 4);
	return p[1] == 0x81 ? 7 : 0;
}

static int frame_read(uintptr_t function, struct frame *f)
{
	unsigned char code[64], *p = code;
	int32_t n;
	int length;

	*f = (struct frame){0, 1, 0};
	if (memory_peek(function, code, sizeof(code)) < 0)
		return -1;
	if (!memcmp(p, "\xf3\x0f\x1e\xfa", 4)) /* endbr64 */
		p += 4;
	if (memcmp(p, "\x55\x48\x89\xe5", 4)) /* push %rbp; mov %rsp,%rbp */
		return -1;
	for (p += 4; p < code + 32; f->pushed += 8) {
		if (*p >= 0x50 && *p <= 0x57)
			p++;
		else if (*p == 0x41 && p[1] >= 0x50 && p[1] <= 0x57)
			p += 2;
		else
			break;
	}
	length = rsp_by(p, 0xe4, &n);
	if (length && (n > -16 || n < -ALIGN_MAX || (n & -n) != -n))
		return -1;
	if (length)
		f->align = (uint64_t) - (int64_t)n;
	p += length;
	if (rsp_by(p, 0xec, &n))
		f->locals = (uint64_t)(int64_t)n;
	else if (rsp_by(p, 0xc4, &n)) /* add $-128: three bytes shorter */
		f->locals = (uint64_t) - (int64_t)n;
	return 0;
}

static bool rbp_try(struct unwind *u, uint64_t rbp, int *r)
{
	uint64_t ra;

	*r = u->read(u->arg, rbp + 8, &ra);
	if (*r < 0 || !return_address(ra))
		return *r < 0;
	u->reg[CFI_RBP] = rbp;
	u->known |= 1u << CFI_RBP;
	u->guessed = true;
	return true;
}

/* Words of arguments may lie below the locals. */
static int rbp_recover(struct unwind *u)
{
	struct frame f;
	int r;

	if (frame_read(row.function, &f) < 0)
		return -1;
	for (unsigned k = 0; k <= PUSHED_MAX; k++) {
		uint64_t low = u->reg[CFI_RSP] + 8 * k + f.locals;

		if (low % f.align)
			continue;
		for (uint64_t skip = 0; skip < f.align; skip += 8) {
			uint64_t rbp = low + skip + f.pushed;

			if (f.align > 1 && rbp % 16)
				continue;
			if (rbp_try(u, rbp, &r))
				return r;
		}
	}
	return -1;
}

/* --- a step --------------------------------------------------------------- */

static int cfa_find(struct unwind *u, uint64_t *cfa)
{
	struct cfi_machine m = {u->reg, u->known, u->read, u->arg};

	if (row.cfa.kind == CFI_IS_EXPR)
		return cfi_expression(&m, row.bytes + row.cfa.value,
				      row.cfa.length, NULL, cfa);
	if (row.cfa_reg >= CFI_REGS)
		return -1;
	if (!(u->known >> row.cfa_reg & 1) &&
	    (row.cfa_reg != CFI_RBP || rbp_recover(u) < 0))
		return -1;
	*cfa = u->reg[row.cfa_reg] + (uint64_t)row.cfa.value;
	return 0;
}

/* The caller's register I: 1 known, 0 not, -1 what it needs cannot be read. */
static int register_find(const struct unwind *u, unsigned i, uint64_t cfa,
			 uint64_t *value)
{
	struct cfi_machine m = {u->reg, u->known, u->read, u->arg};
	const struct cfi_rule *r = &row.reg[i];

	switch (r->kind) {
	case CFI_SAME:
		*value = u->reg[i];
		return u->known >> i & 1 &&
		       (row.signal || !(CALL_CLOBBERED >> i & 1));
	case CFI_UNDEFINED:
		return 0;
	case CFI_AT:
		return u->read(u->arg, cfa + (uint64_t)r->value, value) < 0 ? -1
									    : 1;
	case CFI_IS:
		*value = cfa + (uint64_t)r->value;
		return 1;
	case CFI_REG:
		if ((uint64_t)r->value >= CFI_REGS)
			return -1;
		*value = u->reg[r->value];
		return u->known >> r->value & 1;
	case CFI_AT_EXPR:
	case CFI_IS_EXPR:
		break;
	}
	if (cfi_expression(&m, row.bytes + r->value, r->length, &cfa, value) <
	    0)
		return -1;
	if (r->kind == CFI_AT_EXPR && u->read(u->arg, *value, value) < 0)
		return -1;
	return 1;
}

/* To the caller. 1: there is one; 0: this was the outermost frame. */
static int frame_leave(struct unwind *u, uint64_t cfa)
{
	uint64_t reg[CFI_REGS] = {0};
	uint32_t known = 0;
	int r;

	if (row.reg[row.ra].kind == CFI_UNDEFINED)
		return 0;
	if (row.reg[CFI_RSP].kind == CFI_SAME)
		row.reg[CFI_RSP] = (struct cfi_rule){CFI_IS, 0, 0};
	for (unsigned i = 0; i < CFI_REGS; i++) {
		r = register_find(u, i, cfa, &reg[i]);
		if (r < 0)
			return -1;
		known |= (uint32_t)r << i;
	}
	if (!(known >> row.ra & 1) || !(known >> CFI_RSP & 1) ||
	    row.ra != CFI_RIP)
		return -1;
	if (!reg[CFI_RIP])
		return 0;
	if (!row.signal && reg[CFI_RSP] <= u->reg[CFI_RSP])
		return -1; /* stacks grow downwards: going round in circles */
	memcpy(u->reg, reg, sizeof(reg));
	u->known = known;
	return 1;
}

static int stub_leave(struct unwind *u)
{
	uint64_t rsp = u->reg[CFI_RSP];

	u->frame(u->arg, u->reg[CFI_RIP], rsp + 8);
	if (u->read(u->arg, rsp, &u->reg[CFI_RIP]) < 0)
		return -1;
	u->reg[CFI_RSP] = rsp + 8;
	return 1;
}

/* EXACT: the program counter is where it is, not behind a call. */
static int step(struct unwind *u, bool exact)
{
	uintptr_t pc = u->reg[CFI_RIP];
	uint64_t cfa;

	if (row_find(exact ? pc : pc - 1) < 0) {
		if (exact && pc - HW_ARENA_BASE < HW_ARENA_SIZE)
			return stub_leave(u);
		u->frame(u->arg, pc, u->reg[CFI_RSP]);
		return -1;
	}
	if (cfa_find(u, &cfa) < 0) {
		u->frame(u->arg, pc, u->reg[CFI_RSP]);
		return -1;
	}
	u->frame(u->arg, pc, cfa);
	u->top = cfa;
	return frame_leave(u, cfa);
}

int unwind_run(struct unwind *u)
{
	bool exact = true;
	int r = 1;

	u->top = u->reg[CFI_RSP];
	for (unsigned n = 0; r == 1 && n < FRAMES_MAX; n++) {
		row.signal = false;
		r = step(u, exact);
		exact = row.signal;
	}
	u->whole = r == 0;
	return r == 0 ? 0 : -1;
}
