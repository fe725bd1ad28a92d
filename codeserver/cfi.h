/* SPDX-License-Identifier: MIT
 *
 * Call frame information: where the caller's registers are, at one address.
 */
#ifndef HW_CFI_H
#define HW_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DWARF's numbers of the registers that matter by name. */
enum {
	CFI_RBX = 3,
	CFI_RBP = 6,
	CFI_RSP = 7,
	CFI_RIP = 16,
	CFI_REGS = 17
};

enum cfi_kind {
	CFI_SAME, /* the caller's is what it is here */
	CFI_UNDEFINED,
	CFI_AT,      /* at CFA + value */
	CFI_IS,      /* CFA + value */
	CFI_REG,     /* in register value */
	CFI_AT_EXPR, /* at what the expression at `value` in `bytes` gives */
	CFI_IS_EXPR
};

struct cfi_rule {
	enum cfi_kind kind;
	int64_t value;
	uint32_t length; /* of an expression */
};

#define CFI_BYTES 2048 /* an FDE and its CIE are no longer */

struct cfi_row {
	uintptr_t function;  /* first address it covers */
	bool signal;         /* a signal trampoline's */
	struct cfi_rule cfa; /* CFI_REG: register cfa_reg + value; or IS_EXPR */
	unsigned cfa_reg;
	unsigned ra; /* the column of the return address */
	struct cfi_rule reg[CFI_REGS];
	unsigned char bytes[2 * CFI_BYTES]; /* the FDE, then the CIE */
};

/* The row that holds at PC. 0, or -1: there is none that we understand. Reads
 * memory by memory_peek, so an object that is being unmapped does no harm. */
int cfi_find(uintptr_t pc, struct cfi_row *row);

/* A DWARF expression's value. READ reads 8 bytes of the thread's memory; KNOWN
 * has a bit for each register whose value in REG is known. PUSH: the value on
 * the stack at the start, if not NULL. 0 or -1. */
struct cfi_machine {
	const uint64_t *reg;
	uint32_t known;
	int (*read)(const void *arg, uintptr_t at, uint64_t *value);
	const void *arg;
};
int cfi_expression(const struct cfi_machine *m, const unsigned char *code,
		   size_t length, const uint64_t *push, uint64_t *value);

#endif
