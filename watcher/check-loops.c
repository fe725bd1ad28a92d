/* SPDX-License-Identifier: MIT
 *
 * Functions that never return: a thread in one stays in its version, and what
 * was changed there is not reached until the program is restarted. Told if the
 * function changed, or loops only now.
 *
 * A function never returns if it has no return, no tail call, and a jump back
 * into itself. The bytes are not decoded: what looks like a return in the
 * middle of an instruction hides a loop (then nothing is said), and for one to
 * be seen that is none, a function without any return must have two bytes that
 * look like a jump back. Rejected: loops that can be left (while (!stop)):
 * most loops are, and end soon.
 */
#include <string.h>

#include "watcher/check-internal.h"

enum {
	RET = 0xc3,
	RET_N = 0xc2,
	JMP_NEAR = 0xeb,
	CALL = 0xe8,
	JMP = 0xe9,
	JMP_INDIRECT = 0xff,
	ESCAPE = 0x0f
};

static int32_t word_at(const unsigned char *p)
{
	int32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* Where a jump at P of N bytes leads, from the function's first byte AT on;
 * false: it is no jump. */
static bool jump_at(const unsigned char *p, size_t n, int64_t at, int64_t *to)
{
	if (n >= 2 && (p[0] == JMP_NEAR || (p[0] & 0xf0) == 0x70)) {
		*to = at + 2 + (signed char)p[1];
		return true;
	}
	if (n >= 5 && p[0] == JMP) {
		*to = at + 5 + word_at(p + 1);
		return true;
	}
	if (n >= 6 && p[0] == ESCAPE && (p[1] & 0xf0) == 0x80) {
		*to = at + 6 + word_at(p + 2);
		return true;
	}
	return false;
}

static bool leaves(const unsigned char *p, size_t n, int64_t at, int64_t size)
{
	int64_t to;

	if (p[0] == RET || p[0] == RET_N)
		return true;
	if (p[0] == JMP_INDIRECT && n >= 2 && (p[1] & 0x38) == 0x20)
		return true;
	return p[0] == JMP && jump_at(p, n, at, &to) && (to < 0 || to >= size);
}

/* Whether I is a call, or a ModRM that says RIP: what follows is then no
 * instruction, though it may look like one. It must lead into the image. */
static bool has_displacement(const struct check_image *im, uint64_t addr,
			     const unsigned char *code, int64_t size, int64_t i)
{
	uint64_t to;

	if (i + 5 > size || (code[i] != CALL && (code[i] & 0xc7) != 0x05))
		return false;
	to = addr + (uint64_t)(i + 5 + word_at(code + i + 1));
	for (size_t k = 0; k < im->nph; k++)
		if (im->ph[k].p_type == PT_LOAD &&
		    to - im->ph[k].p_vaddr < im->ph[k].p_memsz)
			return true;
	return false;
}

bool check_is_endless(const struct check_image *im, uint64_t addr,
		      uint64_t length)
{
	const unsigned char *code = check_bytes(im, addr, length);
	int64_t size = (int64_t)length, to;
	bool back = false;

	for (int64_t i = 0; code && i < size; i++) {
		if (has_displacement(im, addr, code, size, i)) {
			i += 4;
			continue;
		}
		if (leaves(code + i, (size_t)(size - i), i, size))
			return false;
		back |= jump_at(code + i, (size_t)(size - i), i, &to) &&
			to >= 0 && to <= i;
	}
	return back;
}

/* The end of the displacement that byte I is of, or 0: it is of none. They
 * follow the opcode of a call or a jump, or a ModRM that says RIP. */
static uint64_t displacement_end(const unsigned char *p, uint64_t i)
{
	for (uint64_t k = i; k >= 1 && k + 4 > i; k--)
		if (p[k - 1] == CALL || p[k - 1] == JMP ||
		    (p[k - 1] & 0xc7) == 0x05)
			return k + 4;
	return 0;
}

/* Displacements do not count: they change with every link. */
static bool code_differs(const struct check_pair *p, const struct check_item *a,
			 const struct check_item *b)
{
	const unsigned char *x = check_bytes(p->was, a->addr, a->size);
	const unsigned char *y = check_bytes(p->is, b->addr, b->size);

	if (a->size != b->size || !x || !y)
		return true;
	for (uint64_t i = 0; i < a->size; i++) {
		uint64_t end = x[i] == y[i] ? i + 1 : displacement_end(x, i);

		if (!end)
			return true;
		i = end - 1;
	}
	return false;
}

void check_loops(struct check_pair *p)
{
	for (size_t i = 0; i < p->is->nfuncs; i++) {
		const struct check_item *b = &p->is->funcs[i];
		const struct check_item *a = check_func(p->was, b->id);
		const char *name = check_bare(b->id);

		if ((a && !code_differs(p, a, b)) ||
		    !check_is_endless(p->is, b->addr, b->size))
			continue;
		check_add(p->r, RULE_ENDLESS_LOOP, p->is->name, name,
			  check_func_place(p->is, b),
			  "%s never returns: a thread that is in it does not "
			  "come to a later version of it",
			  name);
	}
}
