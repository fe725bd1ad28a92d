/* SPDX-License-Identifier: MIT
 *
 * DWARF expressions, as far as .eh_frame has them: the PLT's CFA depends on
 * where in the entry one stands, a signal trampoline's registers lie in the
 * context behind it. Integers of 64 bits and one stack; what is not known
 * (a register, an operation) makes the whole expression fail.
 */
#include "codeserver/cfi-bytes.h"
#include "codeserver/cfi.h"

struct stack {
	uint64_t v[16];
	unsigned n;
	bool bad;
};

static void push(struct stack *s, uint64_t v)
{
	if (s->n == 16)
		s->bad = true;
	else
		s->v[s->n++] = v;
}

static uint64_t pop(struct stack *s)
{
	if (!s->n) {
		s->bad = true;
		return 0;
	}
	return s->v[--s->n];
}

static void two_operands(struct stack *s, unsigned op)
{
	uint64_t b = pop(s), a = pop(s);

	switch (op) {
	case 0x1a:
		push(s, a & b);
		return;
	case 0x1c:
		push(s, a - b);
		return;
	case 0x1e:
		push(s, a * b);
		return;
	case 0x21:
		push(s, a | b);
		return;
	case 0x22:
		push(s, a + b);
		return;
	case 0x24:
		push(s, b < 64 ? a << b : 0);
		return;
	case 0x25:
		push(s, b < 64 ? a >> b : 0);
		return;
	case 0x27:
		push(s, a ^ b);
		return;
	case 0x29:
		push(s, a == b);
		return;
	case 0x2a:
		push(s, (int64_t)a >= (int64_t)b);
		return;
	case 0x2b:
		push(s, (int64_t)a > (int64_t)b);
		return;
	case 0x2c:
		push(s, (int64_t)a <= (int64_t)b);
		return;
	case 0x2d:
		push(s, (int64_t)a < (int64_t)b);
		return;
	case 0x2e:
		push(s, a != b);
		return;
	}
	s->bad = true;
}

static void push_register(const struct cfi_machine *m, struct stack *s,
			  uint64_t reg, int64_t offset)
{
	if (reg >= CFI_REGS || !(m->known >> reg & 1))
		s->bad = true;
	else
		push(s, m->reg[reg] + (uint64_t)offset);
}

/* Constants and what else reads the code; false: some other operation. */
static bool operand(const struct cfi_machine *m, struct stack *s,
		    struct cursor *c, unsigned op)
{
	uint64_t r;

	if (op >= 0x30 && op <= 0x4f) /* lit0-31 */
		push(s, op - 0x30);
	else if (op >= 0x50 && op <= 0x6f) /* reg */
		push_register(m, s, op - 0x50, 0);
	else if (op >= 0x70 && op <= 0x8f) /* breg */
		push_register(m, s, op - 0x70, take_sleb(c));
	else if (op == 0x92) { /* bregx */
		r = take_uleb(c);
		push_register(m, s, r, take_sleb(c));
	} else if (op == 0x08)
		push(s, take(c, 1));
	else if (op == 0x09)
		push(s, (uint64_t)(int8_t)take(c, 1));
	else if (op == 0x0a)
		push(s, take(c, 2));
	else if (op == 0x0b)
		push(s, (uint64_t)(int16_t)take(c, 2));
	else if (op == 0x0c)
		push(s, take(c, 4));
	else if (op == 0x0d)
		push(s, (uint64_t)(int32_t)take(c, 4));
	else if (op == 0x0e || op == 0x0f || op == 0x03)
		push(s, take(c, 8));
	else if (op == 0x10)
		push(s, take_uleb(c));
	else if (op == 0x11)
		push(s, (uint64_t)take_sleb(c));
	else if (op == 0x23)
		push(s, pop(s) + take_uleb(c));
	else
		return false;
	return true;
}

static void operation(const struct cfi_machine *m, struct stack *s, unsigned op)
{
	uint64_t a;

	switch (op) {
	case 0x06: /* deref */
		if (m->read(m->arg, pop(s), &a) < 0)
			s->bad = true;
		else
			push(s, a);
		return;
	case 0x12: /* dup */
		a = pop(s);
		push(s, a);
		push(s, a);
		return;
	case 0x13:
		pop(s);
		return;
	case 0x20:
		push(s, ~pop(s));
		return;
	case 0x1f:
		push(s, -pop(s));
		return;
	case 0x96:
		return;
	}
	two_operands(s, op);
}

int cfi_expression(const struct cfi_machine *m, const unsigned char *code,
		   size_t length, const uint64_t *first, uint64_t *value)
{
	struct cursor c = {code, code + length, 0, false};
	struct stack s = {.n = 0};

	if (first)
		push(&s, *first);
	while (c.at < c.end && !c.bad && !s.bad) {
		unsigned op = (unsigned)take(&c, 1);

		if (!operand(m, &s, &c, op))
			operation(m, &s, op);
	}
	*value = pop(&s);
	return c.bad || s.bad ? -1 : 0;
}
