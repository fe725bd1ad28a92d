/* SPDX-License-Identifier: MIT
 *
 * A reader of .eh_frame: from an address to the rules that hold there.
 *
 * The object is found by _dl_find_object, which takes no lock (glibc 2.35), so
 * a program thread that sits in dlopen does not keep us waiting. Its table is
 * searched, the FDE and the CIE copied out, their instructions played up to the
 * address. All memory is read by memory_peek: the object may be closed under
 * our hands.
 *
 * Tried and rejected: libunwind's remote interface, at 8.6 us a frame (a rule
 * that is remembered takes 0.3). A register that is not known (a blocked
 * thread's callee-saved ones) ends its walk, without saying which; its caches
 * lie in the heap, where our own search would find them; and it would be one
 * more library in someone else's process.
 */
#include "codeserver/cfi.h"

#include <dlfcn.h>
#include <string.h>

#include "codeserver/cfi-bytes.h"
#include "codeserver/memory.h"

/* DW_EH_PE_*: how a pointer is written. */
static uint64_t take_encoded(struct cursor *c, unsigned how, uintptr_t data)
{
	uintptr_t here = c->address;
	uint64_t v;

	switch (how & 15) {
	case 0: /* absptr */
	case 4: /* udata8 */
	case 12:
		v = take(c, 8);
		break;
	case 1:
		v = take_uleb(c);
		break;
	case 2:
		v = take(c, 2);
		break;
	case 3:
		v = take(c, 4);
		break;
	case 9:
		v = (uint64_t)take_sleb(c);
		break;
	case 10:
		v = (uint64_t)(int16_t)take(c, 2);
		break;
	case 11:
		v = (uint64_t)(int32_t)take(c, 4);
		break;
	default:
		c->bad = true;
		return 0;
	}
	if ((how & 0x70) == 0x10)
		v += here;
	else if ((how & 0x70) == 0x30)
		v += data;
	else if (how & 0x70)
		c->bad = true;
	return v;
}

/* --- from the address to the FDE ------------------------------------------ */

struct entry {
	int32_t from, fde; /* distances from the table's head */
};

/* The last entry of the sorted table that begins at or before PC. */
static int table_search(uintptr_t table, uintptr_t head, uint64_t n,
			uintptr_t pc, uintptr_t *fde)
{
	struct entry e;
	uint64_t lo = 0, hi = n;

	while (hi - lo > 1) {
		uint64_t mid = (lo + hi) / 2;

		if (memory_peek(table + mid * 8, &e, 8) < 0)
			return -1;
		if (head + (uintptr_t)(intptr_t)e.from <= pc)
			lo = mid;
		else
			hi = mid;
	}
	if (!n || memory_peek(table + lo * 8, &e, 8) < 0 ||
	    head + (uintptr_t)(intptr_t)e.from > pc)
		return -1;
	*fde = head + (uintptr_t)(intptr_t)e.fde;
	return 0;
}

static int fde_find(uintptr_t pc, uintptr_t *fde)
{
	unsigned char head[24];
	struct dl_find_object o;
	struct cursor c = {head, head + sizeof(head), 0, false};
	uint64_t n;

	if (_dl_find_object((void *)pc, &o) < 0 || !o.dlfo_eh_frame)
		return -1;
	c.address = (uintptr_t)o.dlfo_eh_frame;
	if (memory_peek(c.address, head, sizeof(head)) < 0 || head[0] != 1 ||
	    head[3] != 0x3b) /* datarel | sdata4, as all linkers write it */
		return -1;
	take(&c, 4);
	take_encoded(&c, head[1], (uintptr_t)o.dlfo_eh_frame);
	n = take_encoded(&c, head[2], (uintptr_t)o.dlfo_eh_frame);
	if (c.bad)
		return -1;
	return table_search(c.address, (uintptr_t)o.dlfo_eh_frame, n, pc, fde);
}

/* Copies the entry at AT (an FDE or a CIE) to BYTES; *C reads it, from behind
 * its length. */
static int entry_read(uintptr_t at, unsigned char *bytes, struct cursor *c)
{
	uint32_t length;

	if (memory_peek(at, &length, 4) < 0 || length < 4 ||
	    length > CFI_BYTES || memory_peek(at + 4, bytes, length) < 0)
		return -1;
	*c = (struct cursor){bytes, bytes + length, at + 4, false};
	return 0;
}

/* --- their instructions --------------------------------------------------- */

struct cie {
	uint64_t code_align;
	int64_t data_align;
	unsigned encoding;
	bool augmented; /* its FDEs have augmentation data */
};

struct play {
	struct cfi_row *row;
	struct cfi_rule initial[CFI_REGS];
	const struct cie *cie;
	uintptr_t at, pc; /* the row being made, the one that is wanted */
	/* remember_state */
	struct {
		struct cfi_rule reg[CFI_REGS], cfa;
		unsigned cfa_reg;
	} saved[4];
	unsigned nsaved;
};

static void rule_set(struct play *p, uint64_t reg, enum cfi_kind kind,
		     int64_t value)
{
	if (reg < CFI_REGS) /* vector registers and the like: no matter */
		p->row->reg[reg] = (struct cfi_rule){kind, value, 0};
}

static struct cfi_rule expression_rule(struct play *p, struct cursor *c,
				       enum cfi_kind kind)
{
	uint64_t length = take_uleb(c);
	struct cfi_rule r = {kind, c->at - p->row->bytes, (uint32_t)length};

	if (length > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return r;
	}
	c->at += length;
	c->address += length;
	return r;
}

static void state_save(struct play *p, struct cursor *c)
{
	if (p->nsaved == 4) {
		c->bad = true;
		return;
	}
	memcpy(p->saved[p->nsaved].reg, p->row->reg, sizeof(p->row->reg));
	p->saved[p->nsaved].cfa = p->row->cfa;
	p->saved[p->nsaved++].cfa_reg = p->row->cfa_reg;
}

static void state_restore(struct play *p, struct cursor *c)
{
	if (!p->nsaved) {
		c->bad = true;
		return;
	}
	memcpy(p->row->reg, p->saved[--p->nsaved].reg, sizeof(p->row->reg));
	p->row->cfa = p->saved[p->nsaved].cfa;
	p->row->cfa_reg = p->saved[p->nsaved].cfa_reg;
}

static void cfa_set(struct play *p, uint64_t reg, int64_t offset)
{
	p->row->cfa_reg = (unsigned)reg;
	p->row->cfa = (struct cfi_rule){CFI_REG, offset, 0};
}

static void advance(struct play *p, uint64_t by)
{
	p->at += by * p->cie->code_align;
}

/* DW_CFA_* with operands of their own; false: not known. */
static bool play_rules(struct play *p, struct cursor *c, unsigned op)
{
	int64_t da = p->cie->data_align;
	uint64_t r = op == 0x0f ? 0 : take_uleb(c);

	switch (op) {
	case 0x05: /* offset_extended */
		rule_set(p, r, CFI_AT, (int64_t)take_uleb(c) * da);
		return true;
	case 0x06: /* restore_extended */
		if (r < CFI_REGS)
			p->row->reg[r] = p->initial[r];
		return true;
	case 0x07:
		rule_set(p, r, CFI_UNDEFINED, 0);
		return true;
	case 0x08:
		rule_set(p, r, CFI_SAME, 0);
		return true;
	case 0x09:
		rule_set(p, r, CFI_REG, (int64_t)take_uleb(c));
		return true;
	case 0x0f: /* def_cfa_expression */
		p->row->cfa = expression_rule(p, c, CFI_IS_EXPR);
		return true;
	case 0x10: /* expression, val_expression */
	case 0x16: {
		struct cfi_rule e =
		    expression_rule(p, c,
				    op == 0x10 ? CFI_AT_EXPR : CFI_IS_EXPR);

		if (r < CFI_REGS)
			p->row->reg[r] = e;
		return true;
	}
	case 0x11: /* offset_extended_sf */
		rule_set(p, r, CFI_AT, take_sleb(c) * da);
		return true;
	case 0x14: /* val_offset */
		rule_set(p, r, CFI_IS, (int64_t)take_uleb(c) * da);
		return true;
	case 0x15:
		rule_set(p, r, CFI_IS, take_sleb(c) * da);
		return true;
	}
	return false;
}

static void play_one(struct play *p, struct cursor *c, unsigned op)
{
	int64_t da = p->cie->data_align;
	uint64_t r;

	switch (op) {
	case 0x00:
		return;
	case 0x01: /* set_loc */
		p->at = take_encoded(c, p->cie->encoding, 0);
		return;
	case 0x02:
	case 0x03:
	case 0x04: /* advance_loc1, 2, 4 */
		advance(p, take(c, 1u << (op - 2)));
		return;
	case 0x0a:
		state_save(p, c);
		return;
	case 0x0b:
		state_restore(p, c);
		return;
	case 0x0c: /* def_cfa, def_cfa_sf */
		r = take_uleb(c);
		cfa_set(p, r, (int64_t)take_uleb(c));
		return;
	case 0x12:
		r = take_uleb(c);
		cfa_set(p, r, take_sleb(c) * da);
		return;
	case 0x0d: /* def_cfa_register */
		cfa_set(p, take_uleb(c), p->row->cfa.value);
		return;
	case 0x0e: /* def_cfa_offset, _sf */
		cfa_set(p, p->row->cfa_reg, (int64_t)take_uleb(c));
		return;
	case 0x13:
		cfa_set(p, p->row->cfa_reg, take_sleb(c) * da);
		return;
	case 0x2e: /* GNU_args_size */
		take_uleb(c);
		return;
	}
	if (!play_rules(p, c, op))
		c->bad = true;
}

static int play(struct play *p, struct cursor *c)
{
	while (c->at < c->end && !c->bad) {
		unsigned op = (unsigned)take(c, 1), low = op & 63;

		if (op >> 6 == 1)
			advance(p, low);
		else if (op >> 6 == 2)
			rule_set(p, low, CFI_AT,
				 (int64_t)take_uleb(c) * p->cie->data_align);
		else if (op >> 6 == 3 && low < CFI_REGS)
			p->row->reg[low] = p->initial[low];
		else if (op >> 6 == 0)
			play_one(p, c, op);
		if (p->at > p->pc)
			break;
	}
	return c->bad ? -1 : 0;
}

/* The CIE's head: "zR", with P, L, S, B as they come. */
static int cie_read(struct cursor *c, struct cie *cie, struct cfi_row *row)
{
	const char *aug = (const char *)c->at + 5;
	unsigned version;

	if (take(c, 4) != 0)
		return -1;
	version = (unsigned)take(c, 1);
	while (take(c, 1) && !c->bad)
		;
	cie->code_align = take_uleb(c);
	cie->data_align = take_sleb(c);
	row->ra = (unsigned)(version == 1 ? take(c, 1) : take_uleb(c));
	if (c->bad || row->ra >= CFI_REGS || (version != 1 && version != 3))
		return -1;
	if (*aug != 'z')
		return *aug ? -1 : 0;
	cie->augmented = true;
	take_uleb(c);
	while (*++aug && !c->bad) {
		if (*aug == 'R')
			cie->encoding = (unsigned)take(c, 1);
		else if (*aug == 'P')
			take_encoded(c, (unsigned)take(c, 1) & 0x7f, 0);
		else if (*aug == 'L')
			take(c, 1);
		else if (*aug == 'S')
			row->signal = true;
		else
			return -1;
	}
	return c->bad ? -1 : 0;
}

int cfi_find(uintptr_t pc, struct cfi_row *row)
{
	struct cie cie = {0};
	struct play p = {.row = row, .cie = &cie, .pc = pc};
	struct cursor f, c;
	uintptr_t fde, end, cie_at;
	uint64_t skip;

	row->signal = false;
	memset(row->reg, 0, sizeof(row->reg)); /* all CFI_SAME */
	if (fde_find(pc, &fde) < 0 || entry_read(fde, row->bytes, &f) < 0)
		return -1;
	cie_at = f.address - (uintptr_t)(uint32_t)take(&f, 4);
	if (entry_read(cie_at, row->bytes + CFI_BYTES, &c) < 0 ||
	    cie_read(&c, &cie, row) < 0)
		return -1;
	row->function = take_encoded(&f, cie.encoding, 0);
	end = row->function + take_encoded(&f, cie.encoding & 15, 0);
	skip = cie.augmented ? take_uleb(&f) : 0;
	if (f.bad || pc < row->function || pc >= end ||
	    skip > (uint64_t)(f.end - f.at))
		return -1;
	f.at += skip;
	f.address += skip;
	p.at = 0; /* the CIE's instructions hold everywhere */
	if (play(&p, &c) < 0)
		return -1;
	memcpy(p.initial, row->reg, sizeof(row->reg));
	p.at = row->function;
	return play(&p, &f);
}
