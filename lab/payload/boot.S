/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the multiboot entry to C in long mode, on the boot CPU and, through a
 * real-mode page, on a second one; interrupt stubs; the way into ring 3.
 */
#define MB_MAGIC 0x1badb002

	.section .multiboot, "a"
	.align 4
	.long MB_MAGIC, 0, -MB_MAGIC

	.bss
	.align 4096
	.globl page_dirs
pml4:	.skip 4096
pdpt:	.skip 4096
page_dirs: .skip 4 * 4096
	.skip 16384
boot_stack:
	.skip 16384
ap_stack:
	.skip 16384
	.globl irq_stack
irq_stack:

	.data
	.align 16
	.globl gdt, gdt_tss, gdt_pointer
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 0x08 kernel code */
	.quad 0x00cf93000000ffff	/* 0x10 kernel data */
	.quad 0x00affb000000ffff	/* 0x18 user code */
	.quad 0x00cff3000000ffff	/* 0x20 user data */
gdt_tss: .quad 0, 0			/* 0x28 */
	.quad 0x00cf9b000000ffff	/* 0x38 32-bit code, on the way up */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt
kernel_rsp: .quad 0

	.text
	.code32
	.globl start
start:
	cld
	mov $boot_stack, %esp
	/* Identity map 4 GiB with 2 MiB pages, open to ring 3. */
	mov $page_dirs, %edi
	mov $0x87, %eax
	mov $2048, %ecx
1:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b
	mov $pdpt, %edi
	mov $page_dirs + 7, %eax
	mov $4, %ecx
2:	mov %eax, (%edi)
	add $4096, %eax
	add $8, %edi
	loop 2b
	movl $pdpt + 7, pml4
	mov $main, %ebx
	jmp to_long_mode

	.globl ap_start32
ap_start32:
	mov $0x10, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $ap_stack, %esp
	mov $ap_main, %ebx

to_long_mode:
	mov %cr4, %eax
	or $0x620, %eax			/* PAE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov $pml4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax			/* EFER.LME */
	wrmsr
	mov %cr0, %eax
	and $~0x6000000c, %eax
	or $0x80000023, %eax
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $0x08, $1f
	.code64
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov %ebx, %ebx
	call *%rbx
2:	cli
	hlt
	jmp 2b

	/* Copied to a page below 1 MiB; a startup IPI begins here. */
	.code16
	.globl ap_page, ap_page_end
ap_page:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl ap_gdt - ap_page
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $0x38, $ap_start32
ap_gdt:	.word gdt_end - gdt - 1
	.long gdt
ap_page_end:
	.code64

	/* One stub per vector in use; those without an error code push 0. */
	.macro stub vector
	.globl stub_\vector
stub_\vector:
	.if \vector != 13 && \vector != 14
	push $0
	.endif
	push $\vector
	jmp common
	.endm
	stub 1
	stub 2
	stub 6
	stub 13
	stub 14
	stub 64
	stub 65

common:
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	mov %rsp, %rdi
	cld
	call handle_interrupt
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	iretq

	/* void enter_user(void (*entry)(void), void *stack): until int $0x80. */
	.globl enter_user
enter_user:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, kernel_rsp
	push $0x23
	push %rsi
	push $0x202
	push $0x1b
	push %rdi
	iretq

	.globl stub_user_exit
stub_user_exit:
	mov kernel_rsp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	sti
	ret

	/* int probe_{rdmsr,wrmsr,rdpmc}: 1 if it raised #GP or #UD. */
	.macro probe name, insn
	.globl probe_\name
probe_\name:
	mov %edi, %ecx
	mov %rsi, %r8
	mov (%rsi), %eax
	mov 4(%rsi), %edx
	movq $2f, fixup
	\insn
	mov %eax, (%r8)
	mov %edx, 4(%r8)
	movq $0, fixup
	xor %eax, %eax
	ret
2:	movq $0, fixup
	mov $1, %eax
	ret
	.endm
	probe rdmsr, rdmsr
	probe wrmsr, wrmsr
	probe rdpmc, rdpmc

	/* void vmrun(uint64_t vmcb): one stint in the guest. */
	.globl vmrun
vmrun:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rdi, %rax
	clgi
	vmrun %rax
	stgi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.section .note.GNU-stack, "", @progbits
