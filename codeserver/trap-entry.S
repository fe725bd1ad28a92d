/* SPDX-License-Identifier: MIT
 *
 * undef_trap, gate_trap: what is reached instead of a function that is not
 * there, or not now, as if it had been called. %r11d is the table entry's
 * number (trap.c).
 *
 * All that a call may pass is kept: the integer argument registers, %rax (how
 * many vector registers a variadic call uses; a structure's address), %r10
 * (the static chain), and the vector registers whole, by xsave, because an
 * argument may be as wide as %zmm. undef_resolve or gate_resolve then says
 * where to go on; it may also end the thread, whose frames are unwound through
 * this one.
 *
 * The registers that a callee preserves are saved as well, for who reads the
 * stack of a call that waits: below this frame is nothing of the program's.
 *
 * The frame, from %rbp down: thirteen words of registers (enum trap_word), then
 * the xsave area, aligned to 64, whose size trap_state_size has.
 */
	.text
	.macro TRAP name, resolve
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	trap_state_size(%rip), %rsp
	andq	$-64, %rsp
	/* The area's header must be zero where xsave does not write it. */
	xorl	%eax, %eax
	movq	%rax, 512(%rsp)
	movq	%rax, 520(%rsp)
	movq	%rax, 528(%rsp)
	movq	%rax, 536(%rsp)
	movq	%rax, 544(%rsp)
	movq	%rax, 552(%rsp)
	movq	%rax, 560(%rsp)
	movq	%rax, 568(%rsp)
	cmpl	$0, trap_state_mask(%rip)
	je	1f
	movl	trap_state_mask(%rip), %eax
	xorl	%edx, %edx
	xsave	(%rsp)
	jmp	2f
1:	fxsave	(%rsp)
2:	movl	%r11d, %edi
	movq	%rbp, %rsi
	call	\resolve
	movq	%rax, %r11
	cmpl	$0, trap_state_mask(%rip)
	je	3f
	movl	trap_state_mask(%rip), %eax
	xorl	%edx, %edx
	xrstor	(%rsp)
	jmp	4f
3:	fxrstor	(%rsp)
4:	movq	-64(%rbp), %r10
	movq	-56(%rbp), %r9
	movq	-48(%rbp), %r8
	movq	-40(%rbp), %rcx
	movq	-32(%rbp), %rdx
	movq	-24(%rbp), %rsi
	movq	-16(%rbp), %rdi
	movq	-8(%rbp), %rax
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	jmp	*%r11
	.cfi_endproc
	.size	\name, . - \name
	.endm

	TRAP undef_trap, undef_resolve
	TRAP gate_trap, gate_resolve
	.section .note.GNU-stack, "", @progbits
