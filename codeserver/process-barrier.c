/* SPDX-License-Identifier: MIT
 *
 * Return barriers: what ends a process when the foreign call that it is in
 * comes back (process-stop.c says when). The return address on its stack is
 * replaced by one of ours, of which each process that is being ended has one,
 * 256 of them at a time. The saved address stands in a table, where the search
 * for holders finds it: the frame is still to be returned to.
 *
 * Compiled without sanitizers, like all that runs at any instruction.
 */
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codeserver/process-stop.h"
#include "codeserver/process-table.h"

#define BARRIERS 256 /* as in the assembly below */

extern const char hw_barriers[] __attribute__((visibility("hidden")));
__attribute__((visibility("hidden"))) uintptr_t hw_barrier_saved[BARRIERS];
static struct process *barrier_owner[BARRIERS];

static uintptr_t barrier_address(int index)
{
	return (uintptr_t)hw_barriers + 8 * (uintptr_t)index;
}

int barrier_take(struct process *p)
{
	static int last;

	for (int i = 0; i < BARRIERS; i++) {
		last = (last + 1) % BARRIERS;
		if (barrier_owner[last])
			continue;
		barrier_owner[last] = p;
		return last;
	}
	return -1;
}

void barrier_give(int index)
{
	if (index < 0)
		return;
	hw_barrier_saved[index] = 0; /* or it would hold a version */
	barrier_owner[index] = NULL;
}

/*
 * Takes P's barrier away; SP is where the stack ends now. A barrier below that,
 * on P's own stack, was left by a longjmp and is nothing any more. (SP may be
 * on another stack, of a coroutine.)
 */
void barrier_remove(struct process *p, uintptr_t sp)
{
	volatile uintptr_t *at = (uintptr_t *)p->planted;
	bool own = p->stack_high - sp < p->stack_size;

	p->planted = 0;
	if (!at || (own && (uintptr_t)at < sp))
		return;
	if (*at == barrier_address(p->barrier))
		*at = hw_barrier_saved[p->barrier];
}

void barrier_plant(struct process *p, uintptr_t at)
{
	if (p->barrier < 0)
		return;
	hw_barrier_saved[p->barrier] = *(volatile uintptr_t *)at;
	p->planted = at;
	*(volatile uintptr_t *)at = barrier_address(p->barrier);
}

/*
 * A call has returned through barrier INDEX. It ends the process; but not in
 * the child of a fork or vfork that the call was, nor when the call was the one
 * that forbids it: then this returns, and the call has returned as ever.
 */
__attribute__((visibility("hidden"), used)) void hw_barrier_reached(int index)
{
	struct process *p = process_self;

	if (!p || p != barrier_owner[index] ||
	    process_life(p) != PROCESS_DYING ||
	    p->tid != (pid_t)syscall(SYS_gettid) || !may_end())
		return;
	/* A handler may just have planted it anew; stop_here takes it out. */
	stop_here(p);
}

/*
 * A barrier is eight bytes; all lead to the common part, which puts the saved
 * return address back, so that the stack is as if the call had gone to
 * hw_barrier_reached, and keeps what a function may return.
 */
__asm__(".pushsection .text.hw_barrier,\"ax\",@progbits\n"
	"	.balign 16\n"
	"	.hidden hw_barriers\n"
	"	nop\n"
	"	.balign 8\n"
	"hw_barriers:\n"
	"	.rept 256\n"
	"	call hw_barrier_common\n"
	"	nop; nop; nop\n"
	"	.endr\n"
	"	.type hw_barrier_common,@function\n"
	"hw_barrier_common:\n"
	"	pop %r11\n"
	"	lea hw_barriers(%rip), %r10\n"
	"	sub %r10, %r11\n"
	"	shr $3, %r11\n"
	"	lea hw_barrier_saved(%rip), %r10\n"
	"	push (%r10,%r11,8)\n"
	"	.cfi_startproc\n" /* from here on it can be unwound */
	"	push %rax\n"
	"	.cfi_def_cfa_offset 16\n"
	"	push %rdx\n"
	"	.cfi_def_cfa_offset 24\n"
	"	sub $40, %rsp\n"
	"	.cfi_def_cfa_offset 64\n"
	"	movups %xmm0, (%rsp)\n"
	"	movups %xmm1, 16(%rsp)\n"
	"	mov %r11d, %edi\n"
	"	call hw_barrier_reached\n"
	"	movups (%rsp), %xmm0\n"
	"	movups 16(%rsp), %xmm1\n"
	"	add $40, %rsp\n"
	"	.cfi_def_cfa_offset 24\n"
	"	pop %rdx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	pop %rax\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size hw_barrier_common, . - hw_barrier_common\n"
	".popsection\n");
