// SPDX-License-Identifier: GPL-2.0-only
/* Ring 0 and ring 3, faults between them, and the host-only bits. */
#include "payload.h"

/*
 * The IRET that leads here + mov + 2 * 1000: 2002 instructions, 1001 branches.
 * The INT leads to ring 0, and counts there.
 */
static NAKED void user_loop(void)
{
	__asm__ volatile("mov $1000, %ebx\n1: dec %ebx\njnz 1b\nint $0x80");
}

/* IRET + mov + the access that faults once, and the IRET back to it. */
static NAKED void user_fault(void)
{
	__asm__ volatile("mov $0x40000000, %ebx\nmov (%rbx), %al\nint $0x80");
}

/* The string instruction faults in its middle, at the page's start. */
static NAKED void user_rep_fault(void)
{
	__asm__ volatile("mov $0x3ffff000, %edi\nmov $0x2000, %ecx\n"
			 "rep stosb\nint $0x80");
}

static void user_rdpmc(void)
{
	uint64_t value = 0;
	int faulted = probe_rdpmc(0, &value);

	__asm__ volatile("mov %0, %%ebx\nint $0x80" : : "r"(faulted) : "rbx");
	__builtin_unreachable();
}

/*
 * IRET + 10 instructions, of which the 4 nops and the 3 that clear TF again are
 * followed by a trap, and that by its IRET.
 */
static NAKED void user_step(void)
{
	__asm__ volatile("pushf\norl $0x100, (%rsp)\npopf\nnop\nnop\nnop\nnop\n"
			 "pushf\nandl $~0x100, (%rsp)\npopf\nint $0x80");
}

static uint64_t count_user(uint64_t ctl, void (*entry)(void))
{
	wrmsr(MSR_CTR(0), 0);
	wrmsr(MSR_CTL(0), ctl);
	user_run(entry);
	wrmsr(MSR_CTL(0), 0);
	return rdmsr(MSR_CTR(0));
}

static void set_pce(bool on)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 = on ? cr4 | 0x100 : cr4 & ~0x100ull;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

static void test_rings(void)
{
	uint64_t both, user, kernel;

	user = count_user(EN | USR | INSNS, user_loop);
	kernel = count_user(EN | OS | INSNS, user_loop);
	both = count_user(EN | OS | USR | INSNS, user_loop);
	check("the user bit counts ring 3 exactly", 2002, user);
	check("the OS bit counts the rest", both - user, kernel);
	check_range("and the rest is what it takes to enter and leave", 10, 60,
		    kernel);
	check("branches in ring 3 are exact", 1001,
	      count_user(EN | USR | BRANCHES, user_loop));
}

static void test_page_faults(void)
{
	uint64_t exact = 0, before = interrupts[VECTOR_PF];

	for (int i = 0; i < 20; i++) {
		unmap_fault_page();
		exact += count_user(EN | USR | INSNS, user_fault) == 4;
	}
	check("a faulting instruction counts once, when it retires, and the IRET back to it once",
	      20, exact);
	check("every round did fault", 20, interrupts[VECTOR_PF] - before);
	unmap_fault_page();
	check("so does a string instruction that faults half way", 5,
	      count_user(EN | USR | INSNS, user_rep_fault));
	check("which did fault", 21, interrupts[VECTOR_PF] - before);
}

static void test_single_steps(void)
{
	uint32_t before = interrupts[VECTOR_DB];
	uint64_t counted = count_user(EN | USR | INSNS, user_step);
	uint32_t traps = interrupts[VECTOR_DB] - before;

	check("an instruction that traps when it retires counts one", 11,
	      counted - traps);
	check_range("and every one did trap", 6, 7, traps);
}

static void test_pce(void)
{
	uint32_t before = interrupts[VECTOR_GP];

	set_pce(false);
	user_run(user_rdpmc);
	check("RDPMC in ring 3 raises #GP without CR4.PCE", 1,
	      interrupts[VECTOR_GP] - before);
	set_pce(true);
	user_run(user_rdpmc);
	check("and works with it", 1, interrupts[VECTOR_GP] - before);
	set_pce(false);
}

static uint64_t count_host(uint64_t who)
{
	return COUNT(EN | OS | INSNS | who, "nop");
}

static void test_host_bits(void)
{
	uint64_t one = 1 + COUNT_OVERHEAD;

	check("host-only counts nothing without EFER.SVME", 0,
	      count_host(HOST_ONLY));
	check("nor do both bits together", 0,
	      count_host(HOST_ONLY | GUEST_ONLY));
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	check("host-only counts the host with EFER.SVME", one,
	      count_host(HOST_ONLY));
	check("guest-only does not", 0, count_host(GUEST_ONLY));
	check("both bits count it", one, count_host(HOST_ONLY | GUEST_ONLY));
	check("and so does neither", one, count_host(0));

	wrmsr(MSR_CTL(0), EN | OS | INSNS | HOST_ONLY);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	wrmsr(MSR_CTR(0), 0);
	check("clearing EFER.SVME stops a host-only counter", 0,
	      rdmsr(MSR_CTR(0)));
	pmu_clear();
}

void test_modes(void)
{
	test_rings();
	test_page_faults();
	test_single_steps();
	test_pce();
	test_host_bits();
	pmu_clear();
}
