// SPDX-License-Identifier: GPL-2.0-only
/* Overflow: the status bit, the local APIC's entry, the skid. */
#include "payload.h"

static NAKED void user_spin(void)
{
	__asm__ volatile("mov $20000, %ebx\n1: dec %ebx\njnz 1b\nint $0x80");
}

/* The IRET that leads to ring 3 overflows; nothing else retires there. */
static NAKED void user_one(void)
{
	__asm__ volatile("int $0x80");
}

static void arm(uint64_t ctl, uint64_t left, uint32_t lvt)
{
	pmu_clear();
	set_pmi(lvt);
	wrmsr(MSR_CTR(0), (CTR_MASK + 1 - left) & CTR_MASK);
	wrmsr(MSR_CTL(0), ctl);
}

static void test_delivery(void)
{
	arm(EN | USR | INT | INSNS, 5000, LVT_NMI);
	user_run(user_spin);
	check("an overflow raises one NMI", 1, interrupts[VECTOR_NMI]);
	check_range("within the documented skid", 0, SKID_MAX - 1,
		    counter_at_interrupt);
	check("and sets the status bit", 1, rdmsr(MSR_GLOBAL_STATUS));
	/* IRET + mov + 2 * 20000, and the IRET of the NMI. */
	check("while the counter goes on from zero", 40003 - 5000,
	      rdmsr(MSR_CTR(0)));

	arm(EN | USR | INT | BRANCHES, 5000, VECTOR_FIXED);
	user_run(user_spin);
	check("a fixed vector is raised as well", 1, interrupts[VECTOR_FIXED]);
	check_range("with the same skid", 0, SKID_MAX - 1,
		    counter_at_interrupt);

	arm(EN | USR | INT | INSNS, 5000, VECTOR_FIXED | LVT_MASKED);
	user_run(user_spin);
	check("a masked entry raises nothing", 0,
	      interrupts[VECTOR_FIXED] + interrupts[VECTOR_NMI]);
	check("but the status bit is set", 1, rdmsr(MSR_GLOBAL_STATUS));

	arm(EN | USR | INSNS, 5000, LVT_NMI);
	user_run(user_spin);
	check("without the interrupt bit nothing is raised", 0,
	      interrupts[VECTOR_NMI]);
	check("but the status bit is set, too", 1, rdmsr(MSR_GLOBAL_STATUS));
}

static void test_edges(void)
{
	uint64_t nmis = 0, skid = 0;

	arm(EN | USR | INT | INSNS, 1, LVT_NMI);
	user_run(user_one);
	check("an overflow by the instruction that changes the ring is not lost",
	      1, interrupts[VECTOR_NMI]);

	arm(EN | USR | OS | INT | INSNS, 2, LVT_NMI);
	__asm__ volatile("nop\nnop\nnop\nnop" ::: "memory");
	__asm__ volatile("1: cmpl $0, %0\nje 1b" : : "m"(interrupts[2]) : "cc");
	check("one within a straight line is delivered", 1,
	      interrupts[VECTOR_NMI]);

	for (uint64_t left = 1; left <= 200; left++) {
		arm(EN | USR | INT | INSNS, left, LVT_NMI);
		user_run(user_spin);
		nmis += interrupts[VECTOR_NMI];
		if (counter_at_interrupt > skid)
			skid = counter_at_interrupt;
	}
	check("every distance to the overflow raises one NMI", 200, nmis);
	check_range("none of them late", 0, SKID_MAX - 1, skid);
}

/* Each NMI re-arms in the handler's place: count what a period asks for. */
static void test_period(void)
{
	uint64_t nmis = 0;

	for (int i = 0; i < 40; i++) {
		arm(EN | USR | INT | INSNS, 1000, LVT_NMI);
		user_run(user_spin);
		nmis += interrupts[VECTOR_NMI];
	}
	check("forty armings raise forty interrupts", 40, nmis);
}

static void test_several(void)
{
	arm(EN | USR | INT | INSNS, 5000, LVT_NMI);
	wrmsr(MSR_CTR(1), (CTR_MASK + 1 - 7000) & CTR_MASK);
	wrmsr(MSR_CTL(1), EN | USR | INT | BRANCHES);
	wrmsr(MSR_CTR(5), (CTR_MASK + 1 - 9000) & CTR_MASK);
	wrmsr(MSR_CTL(5), EN | USR | INT | CYCLES);
	user_run(user_spin);
	check("each overflow raises its own interrupt", 3,
	      interrupts[VECTOR_NMI]);
	check("and its own status bit", 0x23, rdmsr(MSR_GLOBAL_STATUS));
}

void test_overflow(void)
{
	test_delivery();
	test_edges();
	test_period();
	test_several();
	pmu_clear();
}
