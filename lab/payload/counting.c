// SPDX-License-Identifier: GPL-2.0-only
/* How much each event counts over a known block of code. */
#include "payload.h"

#define ALL (EN | OS | USR)
#define ROUNDS 100

/* 1 + 2 * 1000 instructions, 1000 branches of which 999 are taken. */
#define LOOP_1000 "mov $1000, %%ebx\n1: dec %%ebx\njnz 1b"

/* 8 instructions, all of them branches, taken and not, near and indirect. */
#define BRANCHES_8                                                          \
	"jmp 1f\n1: jz 2f\njnz 2f\n2: call 4f\njmp 3f\n4: ret\n3: jmp 5f\n" \
	"5: jmp 6f\n6:"

static void test_exact(void)
{
	uint64_t insns = 0, branches = 0, rounds = 0;

	for (int i = 0; i < ROUNDS; i++) {
		insns = COUNT(ALL | INSNS, LOOP_1000);
		branches = COUNT(ALL | BRANCHES, LOOP_1000);
		rounds += insns == 2001 + COUNT_OVERHEAD && branches == 1000;
	}
	check("a loop of 2001 instructions counts 2001", 2001 + COUNT_OVERHEAD,
	      insns);
	check("a loop of 1000 branches counts 1000", 1000, branches);
	check("both do so every time", ROUNDS, rounds);
	check("a nop counts one", 1 + COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, "nop"));
	check("one that says its CPU waits counts one as well",
	      1 + COUNT_OVERHEAD, COUNT(ALL | INSNS, "nopl 0x54494157(%%rax)"));
	check("no instruction counts none", COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, ""));
	check("every kind of near branch counts one", 8,
	      COUNT(ALL | BRANCHES, "test %%esp, %%esp\n" BRANCHES_8));
	check("a repeated string instruction counts one", 5 + COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, "mov $0x700000, %%esi\nmov $0x710000, %%edi\n"
				 "mov $20000, %%ecx\ncld\nrep movsb"));
	check("a string instruction repeated zero times counts one",
	      2 + COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, "xor %%ecx, %%ecx\nrep stosb"));
	check("system instructions count one each", 3 + COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, "mov %%cr3, %%rbx\nmov %%rbx, %%cr3\npause"));
}

static void test_events(void)
{
	check("one cycle is one instruction", 2001 + COUNT_OVERHEAD,
	      COUNT(ALL | CYCLES, LOOP_1000));
	check("an event that is not modelled counts zero", 0,
	      COUNT(ALL | 0xc3, LOOP_1000));
	check("a counter mask of one counts cycles with the event", 1000,
	      COUNT(ALL | BRANCHES | CMASK(1), LOOP_1000));
	check("a counter mask above one counts nothing", 0,
	      COUNT(ALL | BRANCHES | CMASK(2), LOOP_1000));
	check("inverted, it counts the cycles without the event",
	      1001 + COUNT_OVERHEAD,
	      COUNT(ALL | BRANCHES | CMASK(1) | INV, LOOP_1000));
	check("invert without a counter mask changes nothing", 1000,
	      COUNT(ALL | BRANCHES | INV, LOOP_1000));
	check("edge detection is not modelled and counts zero", 0,
	      COUNT(ALL | BRANCHES | CMASK(1) | EDGE, LOOP_1000));
}

/* Two loads, a store, one that does both, and two addresses that are no access.
 */
#define MEMORY_4                                                         \
	"mov $0x700000, %%ebx\nmov (%%rbx), %%esi\nadd (%%rbx), %%esi\n" \
	"movl $1, (%%rbx)\nincl (%%rbx)\nlea 8(%%rbx), %%edi\n"          \
	"nopl 8(%%rbx)"

static void test_memory(void)
{
	check("loads are counted", 2,
	      COUNT(ALL | LS_DISPATCH | 1 << 8, MEMORY_4));
	check("stores are counted", 1,
	      COUNT(ALL | LS_DISPATCH | 2 << 8, MEMORY_4));
	check("load-stores are counted", 1,
	      COUNT(ALL | LS_DISPATCH | 4 << 8, MEMORY_4));
	check("and the unit mask adds them up", 4,
	      COUNT(ALL | LS_DISPATCH | 7 << 8, MEMORY_4));
}

static void test_enables(void)
{
	check("a counter that is not enabled stands still", 0,
	      COUNT((ALL & ~EN) | INSNS, LOOP_1000));
	check("a counter that names no mode stands still", 0,
	      COUNT(EN | INSNS, LOOP_1000));
	wrmsr(MSR_GLOBAL_CTL, 0x3e);
	check("a counter disabled globally stands still", 0,
	      COUNT(ALL | INSNS, LOOP_1000));
	wrmsr(MSR_GLOBAL_CTL, 0x3f);
	wrmsr(MSR_CTL(5), ALL | INSNS);
	check("another running counter changes nothing", 2001 + COUNT_OVERHEAD,
	      COUNT(ALL | INSNS, LOOP_1000));
	pmu_clear();
}

static void test_all_at_once(void)
{
	uint64_t differences = 0;

	wrmsr(MSR_GLOBAL_CTL, 0);
	for (int i = 0; i < NUM_CTRS; i++)
		wrmsr(MSR_CTL(i), ALL | (i & 1 ? BRANCHES : INSNS));
	wrmsr(MSR_GLOBAL_CTL, 0x3f);
	__asm__ volatile("mov $1000, %%ebx\n1: dec %%ebx\njnz 1b"
			 :
			 :
			 : "rbx", "cc");
	wrmsr(MSR_GLOBAL_CTL, 0);
	for (int i = 2; i < NUM_CTRS; i++)
		differences += rdmsr(MSR_CTR(i)) != rdmsr(MSR_CTR(i - 2));
	check("all counters together agree", 0, differences);
	check("and count what one counts", 1000, rdmsr(MSR_CTR(1)));
	pmu_clear();
}

static void test_rdpmc(void)
{
	uint32_t first, second;

	wrmsr(MSR_CTR(3), 0x123456789abcull);
	check("RDPMC and RDMSR agree", rdmsr(MSR_CTR(3)), rdpmc(3));
	wrmsr(MSR_CTL(3), ALL | INSNS);
	__asm__ volatile("mov $3, %%ecx\nrdpmc\nmov %%eax, %0\nrdpmc\n"
			 "mov %%eax, %1"
			 : "=&r"(first), "=&r"(second)
			 :
			 : "rax", "rcx", "rdx");
	check("a read counts neither itself nor what follows", 2,
	      second - first);
	pmu_clear();
}

static void test_halt(void)
{
	uint64_t halted, awake;

	apic_write(0x3e0, 0xb); /* divide by one */
	apic_write(0x320, VECTOR_TIMER);
	wrmsr(MSR_CTL(0), ALL | CYCLES);
	__asm__ volatile("cli");
	apic_write(0x380, 100000000);
	awake = rdmsr(MSR_CTR(0));
	__asm__ volatile("sti\nhlt");
	halted = rdmsr(MSR_CTR(0)) - awake;
	check("the timer ended the halt", 1, interrupts[VECTOR_TIMER]);
	check_range("cycles stand still in HLT", 1, 200, halted);
	pmu_clear();
}

void test_counting(void)
{
	test_exact();
	test_events();
	test_memory();
	test_enables();
	test_all_at_once();
	test_rdpmc();
	test_halt();
}
