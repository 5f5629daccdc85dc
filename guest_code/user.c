// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work at CPL 3. SYSRET and SYSCALL set up code and stack segments by
 * themselves, so this takes no descriptors and no stack: AMD64 APM volume 2,
 * "SYSCALL and SYSRET". Interrupts stay off at CPL 3.
 */
#include "script.h"
#include "kvm_compat.h"

/* What STAR names: the library's CS is 8, and SYSRET adds 16 to the base. */
#define STAR_SYSCALL_CS 0x8ull
#define STAR_SYSRET_BASE 0x23ull
#define RFLAGS_FIXED 0x2ul

asm(".pushsection .text\n"
    ".balign 4096\n"
    ".globl guest_user_page\n"
    "guest_user_page:\n"
    "1:	sub $1, %rdi\n"
    "	jnz 1b\n"
    "	syscall\n"
    "guest_user_emulates:\n"
    "2:	mov $1, %eax\n"
    "	cpuid\n"
    "	sub $1, %rdi\n"
    "	jnz 2b\n"
    "	syscall\n"
    ".balign 4096\n"
    ".popsection\n");

extern const uint8_t guest_user_emulates[];

static void at_user(const uint8_t *code, uint64_t turns)
{
	if (!turns)
		return;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, STAR_SYSRET_BASE << 48 | STAR_SYSCALL_CS << 32);
	wrmsr(MSR_SYSCALL_MASK, 0x200);
	asm volatile("lea 1f(%%rip), %%rax\n\t"
		     "mov %%rax, %%rdx\n\t"
		     "shr $32, %%rdx\n\t"
		     "mov %[lstar], %%ecx\n\t"
		     "wrmsr\n\t"
		     "mov %[code], %%rcx\n\t"
		     "mov %[flags], %%r11\n\t"
		     "mov %%rsp, %%r9\n\t"
		     "sysretq\n\t"
		     "1:\n\t"
		     "mov %%r9, %%rsp"
		     : "+D"(turns)
		     : [lstar] "i"(MSR_LSTAR), [code] "r"(code),
		       [flags] "i"(RFLAGS_FIXED)
		     : "rax", "rbx", "rcx", "rdx", "r9", "r11", "memory", "cc");
}

void guest_user_turns(uint64_t turns)
{
	at_user(guest_user_page, turns);
}

void guest_user_emulated_turns(uint64_t turns)
{
	at_user(guest_user_emulates, turns);
}
